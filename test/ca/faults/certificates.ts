import { makeKeys } from "../x509/hierarchy.ts";
import type { IssueRequest } from "../x509/issuer.ts";
import type { FaultKind } from "./kind.ts";
import type { OptionReader } from "./options.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Certificates that are not what was ordered; each is signed properly. */
export const CERTIFICATE_FAULTS: Readonly<Record<string, FaultKind>> = {
  "other-key": issued("The certificate is for another key", {}, async (request) => {
    const { publicKey } = await makeKeys();
    return { ...request, spki: new Uint8Array(await crypto.subtle.exportKey("spki", publicKey)) };
  }),
  "other-names": issued(
    "The certificate is for other names",
    { name: "default other.example.net" },
    (request, options) => ({
      ...withoutSubject(request),
      names: [options.text("name", "other.example.net")],
    }),
  ),
  "missing-name": issued("The certificate lacks the last of its names", {}, (request) => ({
    ...withoutSubject(request),
    names: request.names.length > 1 ? request.names.slice(0, -1) : ["other.example.net"],
  })),
  "more-names": issued("The certificate has a name that nobody asked for", {}, (request) => ({
    ...request,
    names: [...request.names, "more.example.net"],
  })),
  expired: issued("The certificate has expired", { days: "ago, default 1" }, (request, options) => ({
    ...request,
    now: new Date(request.now.getTime() - request.profile.lifetimeMs - options.number("days", 1) * DAY),
  })),
  "not-yet-valid": issued("The certificate is valid from later on", { hours: "default 1" }, (request, options) => ({
    ...request,
    now: new Date(request.now.getTime() + HOUR + options.number("hours", 1) * HOUR), // notBefore is an hour back-dated
  })),
  lifetime: issued("The certificate lives for another time", { hours: "default 160" }, (request, options) => ({
    ...request,
    profile: { ...request.profile, lifetimeMs: options.number("hours", 160) * HOUR },
  })),
  "other-issuer": issued(
    "The certificate comes from another root",
    { label: "of the names, default (STAGING) Wrong" },
    (request, options) => ({
      ...request,
      issuedBy: options.text("label", "(STAGING) Wrong"),
    }),
  ),
  usages: issued(
    "The certificate is for other uses",
    { for: "server (default), client, both or none" },
    (request, options) => ({
      ...request,
      usages: USAGES[options.word("for", "server", "client", "both", "none")],
    }),
  ),
  serial: issued(
    "The serial number is special",
    { form: "small (default), top-bit, or long: 20 bytes" },
    (request, options) => ({
      ...request,
      serial: serialLike(options.word("form", "small", "top-bit", "long"), request.serial),
    }),
  ),
  "no-authority-key": issued("The certificate has no authority key identifier", {}, (request) => ({
    ...request,
    withoutAuthorityKey: true,
  })),
};

const USAGES = {
  server: ["serverAuth"],
  client: ["clientAuth"],
  both: ["serverAuth", "clientAuth"],
  none: [],
} as const satisfies Record<string, IssueRequest["usages"]>;

function issued(
  about: string,
  options: FaultKind["options"],
  change: (request: IssueRequest, options: OptionReader) => IssueRequest | Promise<IssueRequest>,
): FaultKind {
  return { about, at: ["issuance"], options, make: (given) => ({ issue: (request) => change(request, given) }) };
}

/** The subject would name what the certificate is not for. */
function withoutSubject({ commonName: _commonName, ...request }: IssueRequest): IssueRequest {
  return request;
}

function serialLike(form: "small" | "top-bit" | "long", random: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  switch (form) {
    case "small":
      return Uint8Array.of(1 + (random[1] ?? 0) % 127);
    case "top-bit":
      return Uint8Array.of(0x80 | (random[1] ?? 0), ...random.slice(1, 16));
    case "long":
      return Uint8Array.of(0x7f, ...random, 1, 1);
  }
}
