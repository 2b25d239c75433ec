import type { Bundle } from "../model/certificate.ts";
import { type ChainFacts, type ChainFault, quoted } from "../model/chain_facts.ts";
import type { DnsName } from "../model/dns_name.ts";
import { judge } from "../model/judge.ts";
import { given } from "../model/shape.ts";
import { todoOf } from "../model/verdict.ts";
import { type Certificate, holdsKey, isSelfSigned, isSignedBy } from "./certificate.ts";
import { type Chain, readChain, rejected } from "./chain.ts";
import type { KeyPair } from "./keys.ts";
import { extendedUsages, readLink } from "./link.ts";
import { writePem } from "./pem.ts";

/** What a chain has to be good for. */
export interface Expected {
  /** Exactly the names of the order. */
  readonly names: readonly DnsName[];
  /** The moment at which all must be valid. */
  readonly now: Date;
}

/**
 * Makes the bundle that balancers serve from a chain that a CA sent, or refuses it. Leaf first, for our key, for exactly the
 * expected names; each certificate signed by the next one; all within their validity, for servers, and strong enough. A root
 * at the end is dropped: who does not have it will not trust it. A leaf alone is accepted, because a CA may sign leaves by its
 * root. It is not compared with one that is there: that is {@linkcode judge}'s.
 *
 * @throws {SidecarError} `CERTIFICATE_REJECTED`, saying what was found; with `retryAt` where only time has to pass.
 */
export function makeBundle(pem: string, key: KeyPair, { names, now }: Expected): Bundle {
  const { chain, bundle } = appraise(pem, key);
  const verdict = judge({ chain, names }, undefined, now);
  if (verdict.do !== "keep aside") return bundle;
  const { reasons: [{ name }], waitUntil } = verdict;
  throw rejected(verdict.reasons.map((it) => it.found).join("; "), {
    ...(waitUntil === undefined ? {} : { todo: todoOf(name), retryAt: waitUntil }),
  });
}

/** A chain that somebody sent, what is to be judged of it, and what would be served. */
export interface Appraised {
  /** For {@linkcode judge}. */
  readonly chain: ChainFacts;
  /** The chain without a root, and the key; not to be served before it is judged. Secret. */
  readonly bundle: Bundle;
}

/**
 * Reads a chain, and looks how it fits a key.
 *
 * @throws {SidecarError} `CERTIFICATE_REJECTED` if it cannot be read.
 */
export function appraise(pem: string, key: KeyPair): Appraised {
  const { certificates } = readChain(pem);
  const kept = withoutRoot(certificates);
  try {
    return {
      chain: { ...chainFacts(kept), ...given("fault", chainFault(certificates, key)) },
      bundle: toBundle(kept, key),
    };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw rejected(`its answer cannot be read: ${error.message}`); // damaged where only a judge looks
  }
}

function chainFacts([leaf, ...rest]: Chain["certificates"]): ChainFacts {
  return {
    facts: leaf.facts,
    dnsNames: leaf.dnsNames,
    links: [readLink(leaf), ...rest.map(readLink)],
    ...given("usages", extendedUsages(leaf)),
    selfSigned: isSelfSigned(leaf),
  };
}

/**
 * Looks whether certificates belong together and to a key.
 *
 * @returns What is wrong, or undefined.
 */
export function linkFault(certificates: Chain["certificates"], key: KeyPair): string | undefined {
  return chainFault(certificates, key)?.found;
}

function chainFault(certificates: Chain["certificates"], key: KeyPair): ChainFault | undefined {
  const own = certificates.findIndex((certificate) => holdsKey(certificate, key));
  if (own < 0) return { name: "wrong-key", found: "the certificate is for another key" };
  if (own > 0) {
    return { name: "chain-order", found: `the certificate for the key comes as number ${own + 1} and not first` };
  }
  const wrong = certificates.findIndex((issuer, i) => {
    const before = certificates[i - 1];
    return before !== undefined && (!isSignedBy(before, issuer) || !mayIssue(issuer));
  });
  const [signed, issuer] = [certificates[wrong - 1], certificates[wrong]];
  if (signed === undefined || issuer === undefined) return undefined;
  const who = `certificate ${wrong + 1} (${quoted(issuer.facts.subject)})`;
  if (!mayIssue(issuer)) return { name: "chain-broken", found: `${who} is a second leaf and not a CA's` };
  const found = `certificate ${wrong} (issued by ${quoted(signed.facts.issuer)}) was not signed by ${who}`;
  // All of it is there, but not in the order of RFC 8555 §9.1.
  const elsewhere = certificates.some((it, i) => i > wrong && mayIssue(it) && isSignedBy(signed, it));
  return { name: elsewhere ? "chain-order" : "chain-broken", found };
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
