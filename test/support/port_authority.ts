/**
 * A CA behind the port, for tests of the flow: RFC 8555's states without its wire. It signs real certificates, keeps a list of
 * everything it was asked, and can be told to reuse authorizations, refuse a name, or drop an answer.
 *
 * @module
 */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { AcmeProblemError, KeyTakenError, SidecarError } from "../../src/model/errors.ts";
import { baseName, type DnsName, isWildcard, nameSet } from "../../src/model/dns_name.ts";
import type { RenewalAnswer } from "../../src/model/renewal_record.ts";
import { certificateFacts } from "../../src/x509/certificate.ts";
import { suggestedWindow } from "../ca/endpoints/renewal_info.ts";
import type { Authorization, Challenge, Order } from "../../src/model/order.ts";
import type {
  AccountKey,
  AccountView,
  AuthorityAccount,
  AuthorityInfo,
  CertificateAuthority,
  Clock,
  NewAccount,
  NewOrder,
} from "../../src/ports.ts";

/** How the CA behaves. */
export interface PortAuthorityOptions {
  readonly clock: Clock;
  /** Valid authorizations are reused in later orders. */
  readonly reuse?: boolean;
  /** An identical pending or ready order is handed back, as Boulder does. */
  readonly reuseOrders?: boolean;
  /** Keeps the list of RFC 8555 §7.1.2.1, as Pebble does. */
  readonly lists?: boolean;
  /** Names whose validation fails. */
  readonly failing?: readonly string[];
  readonly types?: readonly string[];
  /** Contacts that it does not take. */
  readonly refusedContacts?: readonly string[];
  /** Profiles that the directory lists. */
  readonly profiles?: Readonly<Record<string, string>>;
  /** Tells windows as Boulder does, and takes `replaces`; where false, the directory lists no renewal information. */
  readonly renewalInfo?: boolean;
  /** What was downloaded is forgotten, with all that was asked for it: for runs of any length. */
  readonly forgetful?: boolean;
  /** From the start of a certificate to its end, for each further one, the last for ever; 90 days unless told. */
  readonly lifetimesMs?: readonly number[];
}

/** An answer about renewal, or the error in its place. */
export type RenewalReply = RenewalAnswer | SidecarError;

/** The CA, and what a test wants to know of it. */
export interface PortAuthority extends CertificateAuthority {
  /** One word a request, for example `newOrder a.example,b.example`. */
  readonly asked: string[];
  /** How many certificates were issued. */
  issued(): number;
  /** What is said about every certificate from now on; undefined: what Boulder would say. */
  tellRenewal(reply: RenewalReply | undefined): void;
  /** Sets how far its clock is ahead of the test's, in milliseconds. */
  setClock(offsetMs: number): void;
  /** Every order that was asked for. */
  readonly orders: readonly NewOrder[];
  /** The next request of that kind is refused, once for each time that this is called. */
  refuse(kind: string, problem: string, status?: number): void;
  /** The next request of that kind is carried out, and its answer lost. */
  loseAnswer(kind: string): void;
  /** The next request of that kind is lost on its way. */
  drop(kind: string): void;
  /** The accounts that there are, by their URL. */
  readonly accounts: ReadonlyMap<string, PortAccount>;
  /** The key gets an account that nobody asked for. */
  takeKey(thumbprint: string): URL;
  /** Deactivates an account at the CA. */
  deactivate(url: URL): void;
}

/** An account as the CA keeps it. */
export interface PortAccount {
  thumbprint: string;
  status: AccountView["status"];
  contact: readonly string[];
}

interface Entry {
  readonly url: URL;
  readonly names: readonly DnsName[];
  readonly authorizations: readonly URL[];
  status: Order["status"];
  certificate?: URL;
}

/** Does one request: writes it down, carries it out, loses its answer where a test wants that. */
type Ask = <T>(kind: string, what: string, work: () => T | Promise<T>) => Promise<T>;

type OrderingMethods = Omit<AuthorityAccount, "url" | "read" | "update" | "deactivate" | "changeKey">;

const BASE = "https://ca.test";

/** Makes a CA. */
export async function portAuthority(options: PortAuthorityOptions): Promise<PortAuthority> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]);
  const asked: string[] = [];
  const accounts = new Map<string, PortAccount>();
  const orders = new Map<string, Entry>();
  const authorizations = new Map<string, { name: DnsName; status: Authorization["status"]; told: boolean }>();
  const chains = new Map<string, string>();
  const lost = new Set<string>();
  const dropped = new Set<string>();
  const refusals = new Map<string, AcmeProblemError[]>();
  const placed: NewOrder[] = [];
  const issuedNow = new Map<string, { readonly notBefore: Date; readonly notAfter: Date }>();
  const replaced = new Set<string>();
  let told: RenewalReply | undefined;
  let offset = 0;
  let signed = 0;
  const caNow = (): number => options.clock.now().getTime() + offset;
  let count = 0;
  const next = (kind: string): URL => new URL(`${BASE}/${kind}/${++count}`);

  const asking: Ask = (kind, what, work) =>
    Promise.resolve().then(async () => {
      asked.push(`${kind} ${what}`.trim());
      if (dropped.delete(kind)) throw new SidecarError("CA_TRANSPORT", "the connection was reset");
      const refusal = refusals.get(kind)?.shift();
      if (refusal !== undefined) throw refusal;
      const result = await work();
      if (!lost.delete(kind)) return result;
      throw new SidecarError("CA_TRANSPORT", "the connection was reset");
    });

  const settle = (entry: Entry): void => {
    if (entry.status !== "pending") return;
    const states = entry.authorizations.map((url) => authorizations.get(url.href)!);
    for (const state of states) {
      if (!state.told || state.status !== "pending") continue;
      state.status = options.failing?.includes(state.name) ? "invalid" : "valid";
    }
    if (states.some((it) => it.status === "invalid")) entry.status = "invalid";
    else if (states.every((it) => it.status === "valid")) entry.status = "ready";
  };

  const show = (entry: Entry): Order => {
    settle(entry);
    const { url, names, status, certificate } = entry;
    const common = { url, names, authorizations: entry.authorizations, finalize: new URL(`${url}/finalize`) };
    const expires = new Date(options.clock.now().getTime() + 7 * 86_400_000);
    if (status === "valid") return { ...common, expires, status, certificate: certificate! };
    return { ...common, expires, status };
  };

  const challengesOf = (url: URL): readonly Challenge[] => {
    const { name, status, told } = authorizations.get(url.href)!;
    const types = isWildcard(name) ? ["dns-01"] : options.types ?? ["http-01", "dns-01", "tls-alpn-01"];
    const id = url.pathname.split("/").at(-1)!.padStart(24, "t");
    return types.map((type) => ({
      type,
      url: new URL(`${url}/${type}`),
      token: `${id}${type}`,
      status: status === "pending" ? (told ? "processing" : "pending") : status === "valid" ? "valid" : "invalid",
      ...(status === "invalid"
        ? {
          problem: {
            type: "urn:ietf:params:acme:error:unauthorized",
            detail: `${name} was not convincing`,
            subproblems: [],
          },
        }
        : {}),
    }));
  };

  const authorizationFor = (name: DnsName): URL => {
    if (options.reuse) {
      for (const [href, it] of authorizations) if (it.name === name && it.status === "valid") return new URL(href);
    }
    const url = next("authorization");
    authorizations.set(url.href, { name, status: "pending", told: false });
    return url;
  };

  const accountOf = (thumbprint: string): URL | undefined => {
    const found = [...accounts].find(([, it]) => it.thumbprint === thumbprint);
    if (found === undefined) return undefined;
    if (found[1].status === "valid") return new URL(found[0]);
    throw new SidecarError("ACCOUNT_DEACTIVATED", "the account of this key is deactivated");
  };

  const create = (thumbprint: string, contact: readonly string[] = []): URL => {
    const url = next("account");
    accounts.set(url.href, { thumbprint, status: "valid", contact });
    return url;
  };

  const account = (url: URL, { thumbprint }: AccountKey): AuthorityAccount => {
    const checked = (): PortAccount => {
      const own = accounts.get(url.href);
      if (own === undefined) throw refused("accountDoesNotExist", 400, "no such account");
      if (own.thumbprint !== thumbprint) throw refused("malformed", 400, "JWS verification error");
      return own;
    };
    /** As a CA does before it looks at a request: the account, its signature, its status. */
    const ask: Ask = (kind, what, work) =>
      asking(kind, what, () => {
        const { status } = checked();
        if (status !== "valid") throw refused("unauthorized", 403, `account is ${status}`);
        return work();
      });
    return {
      url,
      read: () => asking("account", "", () => (checked(), view(url))),
      update: ({ contact }) =>
        ask("update", contact.join(), () => {
          if (contact.some((it) => options.refusedContacts?.includes(it))) {
            throw refused("invalidContact", 400, "the contact is not taken");
          }
          known(accounts, url).contact = contact;
          return view(url);
        }),
      deactivate: () => ask("deactivate", "", () => void (known(accounts, url).status = "deactivated")),
      changeKey: (newKey: AccountKey) =>
        ask("keyChange", "", () => {
          const owner = [...accounts].find(([, it]) => it.thumbprint === newKey.thumbprint);
          if (owner !== undefined) throw new KeyTakenError(new URL(owner[0]));
          known(accounts, url).thumbprint = newKey.thumbprint;
        }),
      ...ordering(ask),
    };
  };

  const view = (url: URL): AccountView => {
    const { status, contact } = known(accounts, url);
    return { status, contact };
  };

  const ordering = (ask: Ask): OrderingMethods => ({
    newOrder: (request: NewOrder) =>
      ask("newOrder", nameSet(request.names), () => {
        placed.push(request);
        if (request.profile !== undefined && !Object.hasOwn(options.profiles ?? {}, request.profile)) {
          throw problem("invalidProfile", 400);
        }
        if (request.replaces !== undefined) {
          if (!issuedNow.has(request.replaces)) throw problem("malformed", 404);
          if (replaced.has(request.replaces)) throw problem("alreadyReplaced", 409);
          replaced.add(request.replaces);
        }
        const same = [...orders.values()].find((it) =>
          options.reuseOrders && nameSet(it.names) === nameSet(request.names) && show(it).status !== "valid" &&
          it.status !== "invalid"
        );
        if (same !== undefined) return show(same);
        const entry: Entry = {
          url: next("order"),
          names: [...request.names].sort(),
          authorizations: request.names.map(authorizationFor),
          status: "pending",
        };
        orders.set(entry.url.href, entry);
        return show(entry);
      }),
    async *orders(): AsyncIterable<URL> {
      asked.push("orders");
      if (options.lists) { for (const { url } of orders.values()) yield await Promise.resolve(url); }
    },
    order: (url: URL) => ask("order", "", () => show(known(orders, url))),
    authorization: (url: URL) =>
      ask("authorization", "", () => {
        const { name, status } = known(authorizations, url);
        return { url, name, status, challenges: challengesOf(url) };
      }),
    respond: (challenge: URL) =>
      ask("respond", challenge.pathname.split("/").at(-1)!, () => {
        const url = new URL(challenge.href.replace(/\/[^/]+$/, ""));
        known(authorizations, url).told = true;
        return challengesOf(url).find((it) => it.url.href === challenge.href)!;
      }),
    finalize: (order: Order, csr: Uint8Array<ArrayBuffer>) =>
      ask("finalize", "", async () => {
        const entry = known(orders, order.url);
        entry.certificate = next("certificate");
        chains.set(entry.certificate.href, await sign(new x509.Pkcs10CertificateRequest(csr), entry.names));
        entry.status = "valid";
        return show(entry);
      }),
    certificate: (url: URL) =>
      ask("certificate", "", () => {
        const pem = known(chains, url);
        if (options.forgetful) forgetUpTo(url);
        return { pem, alternates: [] };
      }),
    revoke: (_certificate: Uint8Array, reason: number) => ask("revoke", String(reason), () => undefined),
  });

  const forgetUpTo = (url: URL): void => {
    for (const [href, { certificate, authorizations: urls }] of orders) {
      if (certificate?.href !== url.href) continue;
      orders.delete(href);
      for (const it of urls) authorizations.delete(it.href);
    }
    chains.delete(url.href);
    for (const list of [asked, placed]) list.length = 0;
    for (const it of [issuedNow, replaced]) it.clear();
  };

  const sign = async (csr: x509.Pkcs10CertificateRequest, names: readonly DnsName[]): Promise<string> => {
    const now = caNow();
    const lifetimes = options.lifetimesMs ?? [90 * 86_400_000];
    const lifetime = lifetimes[Math.min(signed, lifetimes.length - 1)]!;
    const serial = 1_000 + signed++;
    const notBefore = new Date(Math.floor((now - 3_600_000) / 1_000) * 1_000);
    const notAfter = new Date(notBefore.getTime() + lifetime);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial.toString(16).padStart(8, "0"),
      subject: `CN=${baseName(names[0]!)}`,
      issuer: "CN=Test CA",
      notBefore,
      notAfter,
      signingAlgorithm: algorithm,
      publicKey: csr.publicKey,
      signingKey: keys.privateKey,
      extensions: [
        new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns" as const, value }))),
        new x509.AuthorityKeyIdentifierExtension("0102030405060708"),
      ],
    });
    issuedNow.set(certificateFacts(new Uint8Array(certificate.rawData)).certId!, { notBefore, notAfter });
    return `${certificate.toString("pem")}\n`;
  };

  return {
    directory: new URL(`${BASE}/directory`),
    asked,
    issued: () => signed,
    setClock: (ms: number) => void (offset = ms),
    orders: placed,
    tellRenewal: (reply: RenewalReply | undefined) => void (told = reply),
    refuse: (kind: string, name: string, status = 400) =>
      void refusals.set(kind, [...refusals.get(kind) ?? [], problem(name, status)]),
    loseAnswer: (kind: string) => void lost.add(kind),
    drop: (kind: string) => void dropped.add(kind),
    about: () =>
      asking<AuthorityInfo>("directory", "", () => ({
        caaIdentities: [],
        externalAccountRequired: false,
        profiles: options.profiles ?? {},
        ...(options.renewalInfo ? { renewalInfo: true } : {}),
      })),
    renewalInfo: (certId: string) => {
      if (!options.renewalInfo) return Promise.resolve(undefined);
      return asking("renewalInfo", certId, () => {
        if (told instanceof SidecarError) throw told;
        const dates = issuedNow.get(certId);
        const common = { askAfterMs: 6 * 3_600_000, clockOffsetMs: offset };
        if (told !== undefined) return { ...common, ...told };
        if (dates === undefined) return common;
        const window = suggestedWindow(dates, new Date(caNow()));
        return { ...common, window };
      });
    },
    clockOffsetMs: () => asking("time", "", () => offset),
    register: ({ thumbprint }: AccountKey, { contact }: NewAccount) =>
      asking("register", "", () => accountOf(thumbprint) ?? create(thumbprint, contact)),
    find: ({ thumbprint }: AccountKey) => asking("find", "", () => accountOf(thumbprint)),
    as: account,
    accounts,
    takeKey: create,
    deactivate: (url) => void (known(accounts, url).status = "deactivated"),
  };
}

function known<T>(all: ReadonlyMap<string, T>, url: URL): T {
  const found = all.get(url.href);
  if (found !== undefined) return found;
  throw refused("malformed", 404, "no such thing");
}

function refused(type: string, status: number, detail: string): AcmeProblemError {
  return new AcmeProblemError({ type: `urn:ietf:params:acme:error:${type}`, status, detail, subproblems: [] });
}

function problem(name: string, status: number): AcmeProblemError {
  const type = `urn:ietf:params:acme:error:${name}`;
  return new AcmeProblemError({ type, status, detail: `${name} it is`, subproblems: [] });
}

/** A name that is known to be good. */
export function name(text: string): DnsName {
  return parseDnsName(text);
}
