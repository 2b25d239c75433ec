import type { X509Certificate } from "node:crypto";
import defer * as nodeCrypto from "node:crypto";
import type { Bundle } from "../../src/model/certificate.ts";
import { covers, type DnsName, isWildcard } from "../../src/model/dns_name.ts";
import { describe, SidecarError } from "../../src/model/errors.ts";
import type { ShadowedName } from "../../src/model/records.ts";
import { given } from "../../src/model/shape.ts";
import type { Call, Clock, Served, ServedCall } from "../../src/ports.ts";
import type { Endpoint } from "../net/connection.ts";
import { ProbeError } from "../net/probe_error.ts";
import type { ProxyVersion } from "../net/proxy_header.ts";
import { probe, type Probed } from "../net/tls_probe.ts";
import type { Signatures } from "../net/tls_wire.ts";

/** Probes that run at once. */
const AT_ONCE = 8;

/** Where a balancer is asked who answers. */
export interface Face {
  readonly probe: Endpoint;
  readonly probeProxy?: ProxyVersion;
  readonly clock: Clock;
}

/** What a proof works with. */
export interface Prover extends Face {
  /** Finds the files whose leaf has one of these SHA-1 sums: HAProxy tells certificates apart by them. */
  readonly filesBySha1: (sums: ReadonlySet<string>, call: Call) => Promise<ReadonlyMap<string, string>>;
}

/** Who answered for a name: a certificate, or nobody. */
export type Answer = { readonly name: DnsName } & ({ readonly probed: Probed } | { readonly failure: ProbeError });

/**
 * Asks by a new connection for each name who answers. A wildcard is asked for by a label that nothing else can know.
 *
 * @throws {ProbeError} If the address does not answer at all.
 */
export async function askAll(
  { probe: target, probeProxy, clock }: Face,
  names: readonly DnsName[],
  options: { readonly signatures?: Signatures },
  call: Call,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let i = 0; i < names.length; i += AT_ONCE) {
    answers.push(...await Promise.all(names.slice(i, i + AT_ONCE).map(one)));
  }
  return answers;

  async function one(name: DnsName): Promise<Answer> {
    for (let tries = 1;; tries++) {
      const serverName = isWildcard(name) ? `${crypto.randomUUID().slice(0, 13)}${name.slice(1)}` : name;
      try {
        const probed = await probe(
          target,
          { serverName, ...given("proxy", probeProxy), ...options },
          call,
        );
        return { name, probed };
      } catch (error) {
        if (!(error instanceof ProbeError)) throw error;
        if (SAYS_NO.has(error.failure)) return { name, failure: error };
        if (error.failure !== "hung up" || tries === HANG_UPS) throw error;
        await clock.sleep(50, call);
      }
    }
  }
}

/** A reload closes what the old worker had not accepted yet: so often may a server hang up in a row. */
const HANG_UPS = 3;

/** A server that is there, and has no such certificate to show. */
const SAYS_NO: ReadonlySet<string> = new Set(["no certificate", "refused"]);

/** The answers of those that have a certificate to show. */
export function servedBy(answers: readonly Answer[]): readonly Served[] {
  return answers.flatMap((it) => "probed" in it ? [servedAs(it.name, it.probed)] : []);
}

function servedAs(name: DnsName, { fingerprint, serial, der }: Probed): Served {
  const notAfter = new Date(new nodeCrypto.X509Certificate(der).validTo);
  return { name, fingerprint, serial, ...given("notAfter", Number.isNaN(notAfter.getTime()) ? undefined : notAfter) };
}

/**
 * The kind of signature that a client is restricted to, so that a twin of the other kind does not hide the bundle.
 *
 * @throws {SidecarError} `CERTIFICATE_REJECTED` if its key is on a curve that TLS clients do not know.
 */
export function signaturesOf({ certificates: [leaf], facts }: Bundle): Signatures {
  try {
    return signaturesBy(new nodeCrypto.X509Certificate(leaf));
  } catch (cause) {
    throw new SidecarError(
      "CERTIFICATE_REJECTED",
      `The certificate for ${facts.subject} has a key of an unknown kind`,
      {
        todo: "use one with a key of a kind that KEY_TYPE knows",
        cause,
      },
    );
  }
}

/** The same of what is asked for. */
export function signaturesFor({ family }: ServedCall): Signatures | undefined {
  return family === undefined ? undefined : family === "RSA" ? "rsa" : "ecdsa";
}

/** The same of a leaf. */
export function signaturesBy(leaf: X509Certificate): Signatures {
  return leaf.publicKey.asymmetricKeyType === "rsa" ? "rsa" : "ecdsa";
}

/**
 * Proves that the balancer answers the bundle's names with it.
 *
 * @returns The names that another certificate answers.
 * @throws {SidecarError} `SWAP_REJECTED` if it answers none of them, and that is not because of other certificates for them.
 */
export async function prove(prover: Prover, bundle: Bundle, call: Call): Promise<readonly ShadowedName[]> {
  const { shadowed, refusal } = await inspect(prover, bundle, call);
  if (refusal !== undefined) throw refusal;
  return shadowed;
}

/** How a bundle's names are answered. */
export interface Inspection {
  /** The names that another certificate answers. */
  readonly shadowed: readonly ShadowedName[];
  /** It answers a name, and each one that it does not is answered by another certificate for that name. */
  readonly complete: boolean;
  /** Why this is no proof. */
  readonly refusal?: SidecarError;
}

/** Looks how the bundle's names are answered. */
export async function inspect(prover: Prover, bundle: Bundle, call: Call): Promise<Inspection> {
  const { fingerprint, names } = bundle.facts;
  const answers = await askAll(prover, names, { signatures: signaturesOf(bundle) }, call);
  const missed = answers.filter((it) => !("probed" in it && it.probed.fingerprint === fingerprint));
  const explained = await explain(prover, missed, call);
  const unseen = missed.length === names.length;
  const excused = explained.some((it) => it.covered && it.by !== undefined);
  return {
    shadowed: explained.map(({ name, by }) => ({ name, ...given("by", by) })),
    complete: !unseen && explained.every((it) => it.covered),
    ...unseen && !excused ? { refusal: notServed(missed) } : {},
  };
}

interface Explained extends ShadowedName {
  /** The certificate that answers is one for that name. */
  readonly covered: boolean;
}

/** Finds the files that answer. */
async function explain(prover: Prover, missed: readonly Answer[], call: Call): Promise<readonly Explained[]> {
  const wanted = new Set(missed.flatMap((it) => "probed" in it ? [sha1(it.probed.der)] : []));
  const files = wanted.size === 0 ? new Map<string, string>() : await prover.filesBySha1(wanted, call);
  return missed.map((it) => {
    if (!("probed" in it)) return { name: it.name, covered: false };
    const covered = namesOf(it.probed.der).some((pattern) => covers(pattern, it.name));
    return { name: it.name, ...given("by", files.get(sha1(it.probed.der))), covered };
  });
}

function notServed(missed: readonly Answer[]): SidecarError {
  const shown = missed.slice(0, 5).map((it) =>
    "probed" in it
      ? `${it.name} is answered by another certificate (serial ${it.probed.serial}, for ${
        namesOf(it.probed.der).slice(0, 3).join(" ") || "no name"
      })`
      : describe(it.failure)
  );
  const more = missed.length > shown.length ? `; and ${missed.length - shown.length} names more` : "";
  return new SidecarError("SWAP_REJECTED", `The new certificate is not served: ${shown.join("; ")}${more}`, {
    field: "load_balancer",
    todo: "check that probe= names this balancer's TLS address and that its bind uses the certificate's list",
    hop: "served",
  });
}

/** What HAProxy tells certificates apart by: SHA-1 over the DER, lower-case hexadecimal. */
export function sha1(der: Uint8Array): string {
  return nodeCrypto.createHash("sha1").update(der).digest("hex");
}

/** The dNSNames of a certificate that somebody else may have made: compared and asked for, never used otherwise. */
export function namesOf(der: Uint8Array): readonly DnsName[] {
  const alternatives = new nodeCrypto.X509Certificate(der).subjectAltName ?? "";
  return alternatives.split(", ").flatMap((it) => it.startsWith("DNS:") ? [it.slice(4).toLowerCase() as DnsName] : []);
}
