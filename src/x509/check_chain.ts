import type { Bundle } from "../model/certificate.ts";
import type { DnsName } from "../model/dns_name.ts";
import { type Certificate, holdsKey, isSelfSigned, isSignedBy } from "./certificate.ts";
import { type Chain, readChain, rejected } from "./chain.ts";
import type { KeyPair } from "./keys.ts";
import { writePem } from "./pem.ts";

/** What a chain has to be good for. */
export interface Expected {
  /** Exactly the names of the order. */
  readonly names: readonly DnsName[];
  /** The moment at which all must be valid. */
  readonly now: Date;
}

/** How far our clock may be behind the CA's. A certificate from further ahead would be refused by clients. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/**
 * Makes the bundle that balancers serve from a chain that a CA sent, or refuses it. Leaf first, for our key, for exactly the
 * expected names; each certificate signed by the next one; all within their validity. A root at the end is dropped: who does
 * not have it will not trust it. A leaf alone is accepted, because a CA may sign leaves by its root.
 *
 * @throws {SidecarError} `CERTIFICATE_REJECTED`, saying what was found; with `retryAt` where only time has to pass.
 */
export function makeBundle(pem: string, key: KeyPair, expect: Expected): Bundle {
  const { certificates } = readChain(pem);
  const kept = withoutRoot(certificates);
  const found = linkFault(certificates, key) ?? nameFault(kept[0], expect.names);
  if (found !== undefined) throw rejected(found);
  kept.forEach((certificate, i) => checkDates(certificate, i + 1, expect.now));
  return toBundle(kept, key);
}

/**
 * Looks whether certificates belong together and to a key.
 *
 * @returns What is wrong, or undefined.
 */
export function linkFault(certificates: Chain["certificates"], key: KeyPair): string | undefined {
  const own = certificates.findIndex((certificate) => holdsKey(certificate, key));
  if (own < 0) return "the certificate is for another key";
  if (own > 0) return `the certificate for the key comes as number ${own + 1} and not first`;
  const wrong = certificates.findIndex((issuer, i) => {
    const before = certificates[i - 1];
    return before !== undefined && (!isSignedBy(before, issuer) || !mayIssue(issuer));
  });
  const [signed, issuer] = [certificates[wrong - 1], certificates[wrong]];
  if (signed === undefined || issuer === undefined) return undefined;
  const who = `certificate ${wrong + 1} (${shown(issuer.facts.subject)})`;
  if (!mayIssue(issuer)) return `${who} is a second leaf and not a CA's`;
  return `certificate ${wrong} (issued by ${shown(signed.facts.issuer)}) was not signed by ${who}`;
}

/** Puts checked certificates and their key together as canonical PEM. */
export function toBundle(certificates: Chain["certificates"], key: KeyPair): Bundle {
  const [leaf, ...rest] = certificates;
  const pem = (it: Certificate): string => writePem("CERTIFICATE", it.der);
  return { facts: leaf.facts, certificates: [pem(leaf), ...rest.map(pem)], keyPem: key.pem };
}

/** Roots from before RFC 5280 do not say that they may sign. */
function mayIssue(certificate: Certificate): boolean {
  return certificate.isAuthority || isSelfSigned(certificate);
}

function withoutRoot([leaf, ...rest]: Chain["certificates"]): Chain["certificates"] {
  return [leaf, ...rest.slice(0, rest.findLastIndex((it) => !isSelfSigned(it)) + 1)];
}

function nameFault(leaf: Certificate, expected: readonly DnsName[]): string | undefined {
  const [found, wanted] = [new Set(leaf.dnsNames), new Set<string>(expected)];
  const missing = [...wanted.difference(found)].map((name) => `${name} is missing`);
  const foreign = [...found.difference(wanted)].map((name) => `${shown(name)} was not asked for`);
  const faults = [...missing, ...foreign];
  if (faults.length === 0) return undefined;
  const more = faults.length > 5 ? ` and ${faults.length - 5} more` : "";
  return `its names differ: ${faults.slice(0, 5).join(", ")}${more}`;
}

function checkDates({ facts }: Certificate, number: number, now: Date): void {
  const { subject, notBefore, notAfter } = facts;
  const who = `certificate ${number} (${shown(subject)})`;
  if (notAfter <= now) throw rejected(`${who} expired at ${notAfter.toISOString()}`);
  if (notBefore.getTime() <= now.getTime() + CLOCK_TOLERANCE_MS) return;
  throw rejected(`${who} is not valid before ${notBefore.toISOString()}, and it is ${now.toISOString()} here`, {
    todo: "compare this machine's clock with the CA's",
    retryAt: notBefore,
  });
}

/** Names in certificates are foreign text. */
function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
