import { type ChainFacts, describeKey, type LinkFacts, type PublicKeyShape, quoted } from "./chain_facts.ts";
import type { DnsName } from "./dns_name.ts";
import { given } from "./shape.ts";
import { signerOf, trustOf } from "./trust.ts";
import type { Finding, Reason, Verdict } from "./verdict.ts";

/** A certificate that shall be served. */
export interface Proposed {
  /** The chain as it came. */
  readonly chain: ChainFacts;
  /** Exactly the names that were wanted. */
  readonly names: readonly DnsName[];
  /** The CA's; absent where it came from elsewhere. */
  readonly directory?: URL;
}

/** The certificate that is served, whose place it would take. */
export interface Standing {
  /** The chain as the vault has it. */
  readonly chain: ChainFacts;
  /** The CA's; absent where it came from elsewhere. */
  readonly directory?: URL;
  /** Names of it that would be in no certificate of ours any more. */
  readonly lost?: readonly DnsName[];
  /** The CA has revoked it: then nothing is lost with its dates. */
  readonly revoked: boolean;
}

/** How far our clock may be behind the CA's. A certificate from further ahead would be refused by clients. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;
/** The shortest lifetime that public CAs have by policy is 160 hours: what is shorter was a mistake, or a CA of one's own. */
const SHORTEST_POLICY_MS = 6 * 86_400_000;
/** An end that is earlier by less is the CA's rounding, and no loss. */
const EARLIER_MS = 3_600_000;
/** Lifetimes of one CA differ by seconds, those of two policies by weeks. */
const SHORTER = 0.95;
/** The curves that clients take (CA/Browser Forum Baseline Requirements 6.1.5). */
const CURVES = ["P-256", "P-384", "P-521"];
const KEYS = ["Ed25519", "Ed448"];
const BROKEN_DIGESTS = ["MD2", "MD4", "MD5", "SHA-1"];

/**
 * Decides whether a certificate may take the place of the one that is served. What is wrong with it by itself, or would make
 * things worse, keeps it aside; what people should know is a warning. Pure: the same facts give the same verdict.
 *
 * @param standing Absent where nothing is served that could become worse.
 */
export function judge(proposed: Proposed, standing: Standing | undefined, now: Date): Verdict {
  const { chain, names } = proposed;
  // The same certificate again is not worse than itself: a restart after it was stored comes this way.
  const before = standing?.chain.facts.fingerprint === chain.facts.fingerprint ? undefined : standing;
  const own: readonly (Reason | undefined)[] = [
    chain.fault,
    wrongNames(chain.dnsNames, names),
    ...chain.links.flatMap((link, i) => [expired(link, i, now), tooEarly(link, i, now), weak(link, i), badly(link, i)]),
    noServerAuth(chain),
  ];
  const compared = before === undefined ? [] : [trustLost(proposed, before), missing(proposed, before)];
  const { reason, warning } = before === undefined ? {} : shorter(chain, before);
  const [first, ...others] = [...own, ...compared, reason].filter((it) => it !== undefined);
  const [told, ...more] = before === undefined ? [] : [
    warning,
    clientAuthLost(chain, before),
    signerChanged(chain, before),
    keyChanged(chain, before),
    dropped(before.lost ?? []),
  ]
    .filter((it) => it !== undefined);
  if (first !== undefined) {
    const reasons: readonly [Reason, ...Reason[]] = [first, ...others];
    const warnings = told === undefined ? [] : [told, ...more];
    return { do: "keep aside", reasons, warnings, ...given("waitUntil", waitUntil(reasons, chain)) };
  }
  return told === undefined ? { do: "swap" } : { do: "swap with warnings", warnings: [told, ...more] };
}

function wrongNames(found: readonly string[], wanted: readonly DnsName[]): Reason | undefined {
  const [there, asked] = [new Set(found), new Set<string>(wanted)];
  const missing = [...asked.difference(there)].map((name) => `${name} is missing`);
  const foreign = [...there.difference(asked)].map((name) => `${quoted(name)} was not asked for`);
  const faults = [...missing, ...foreign];
  if (faults.length === 0) return undefined;
  const more = faults.length > 5 ? ` and ${faults.length - 5} more` : "";
  return { name: "wrong-names", found: `its names differ: ${faults.slice(0, 5).join(", ")}${more}` };
}

function expired({ subject, notAfter }: LinkFacts, i: number, now: Date): Reason | undefined {
  if (notAfter > now) return undefined;
  return { name: "expired", found: `${which(subject, i)} expired at ${notAfter.toISOString()}` };
}

function tooEarly({ subject, notBefore }: LinkFacts, i: number, now: Date): Reason | undefined {
  if (notBefore.getTime() <= now.getTime() + CLOCK_TOLERANCE_MS) return undefined;
  const found = `is not valid before ${notBefore.toISOString()}, and it is ${now.toISOString()} here`;
  return { name: "not-yet-valid", found: `${which(subject, i)} ${found}` };
}

function waitUntil(reasons: readonly Reason[], { links }: ChainFacts): Date | undefined {
  if (reasons.some(({ name }) => name !== "not-yet-valid")) return undefined;
  return new Date(Math.max(...links.map((it) => it.notBefore.getTime())));
}

function weak({ subject, key }: LinkFacts, i: number): Reason | undefined {
  if (!isWeak(key)) return undefined;
  return { name: "weak-key", found: `${which(subject, i)} has a weak key: ${describeKey(key)}` };
}

function isWeak(key: PublicKeyShape): boolean {
  if (key.family === "RSA") return key.bits < 2048;
  return key.family === "EC" ? !CURVES.includes(key.curve) : !KEYS.includes(key.name);
}

function badly({ subject, digest }: LinkFacts, i: number): Reason | undefined {
  if (!BROKEN_DIGESTS.includes(digest)) return undefined;
  return { name: "weak-signature", found: `${which(subject, i)} is signed over ${digest}` };
}

function noServerAuth({ usages }: ChainFacts): Reason | undefined {
  if (usages === undefined || usages.includes("serverAuth") || usages.includes("any")) return undefined;
  return { name: "no-server-auth", found: `it is not for TLS servers (its usages: ${usages.join(", ") || "none"})` };
}

/** A chain that fewer clients trust than the one before. */
function trustLost({ chain, directory }: Proposed, before: Standing): Reason | undefined {
  const [now, then] = [trustOf(chain, directory), trustOf(before.chain, before.directory)];
  if (now === then || now === "public" || then === "test") return undefined;
  const who = `${quoted(signerOf(chain))}${directory === undefined ? "" : ` (${directory.host})`}`;
  const former = quoted(signerOf(before.chain));
  return now === "test"
    ? { name: "staging-over-production", found: `${who} signs for trials, and the one in use is from ${former}` }
    : {
      name: "private-over-public",
      found: `${who} is no public CA that is known, and the one in use is from ${former}`,
    };
}

/** A leaf alone, from where leaves come with intermediates: clients cannot find the way to the root. */
function missing({ chain, directory }: Proposed, before: Standing): Reason | undefined {
  if (chain.links.length > 1 || before.chain.links.length === 1 || chain.selfSigned) return undefined;
  const same = directory !== undefined && directory.href === before.directory?.href ||
    signerOf(chain) === signerOf(before.chain);
  if (!same && trustOf(chain, directory) !== "public") return undefined;
  return { name: "chain-missing", found: "it comes without intermediates, and the one in use has them" };
}

/** A CA that has shortened its lifetimes may end the new one before the old one; an older certificate must not. */
function shorter({ facts }: ChainFacts, before: Standing): { readonly reason?: Reason; readonly warning?: Finding } {
  const former = before.chain.facts;
  const [life, then] = [lifetime(facts), lifetime(former)];
  const byPolicy = life < then * SHORTER && life >= SHORTEST_POLICY_MS && facts.notBefore > former.notBefore;
  const ends = `it ends at ${facts.notAfter.toISOString()}`;
  const earlier = former.notAfter.getTime() - facts.notAfter.getTime() > EARLIER_MS;
  if (earlier && !byPolicy && !before.revoked) {
    return { reason: { name: "ends-earlier", found: `${ends}, the one in use at ${former.notAfter.toISOString()}` } };
  }
  if (life >= then * SHORTER) return {};
  const found = `it lives ${lasting(life)}, the one before lived ${lasting(then)}; ${ends}`;
  return { warning: { name: "shorter-lifetime", found } };
}

function clientAuthLost({ usages }: ChainFacts, { chain: before }: Standing): Finding | undefined {
  if (before.usages?.includes("clientAuth") !== true) return undefined;
  if (usages === undefined || usages.includes("clientAuth") || usages.includes("any")) return undefined;
  return { name: "client-auth-lost", found: "it is not for TLS clients any more, as the one before was" };
}

function signerChanged(chain: ChainFacts, { chain: before }: Standing): Finding | undefined {
  const [now, then] = [signerOf(chain), signerOf(before)];
  if (now === then) return undefined;
  return { name: "issuer-changed", found: `it is from ${quoted(now)}, the one before was from ${quoted(then)}` };
}

function keyChanged({ links: [leaf] }: ChainFacts, { chain: { links: [before] } }: Standing): Finding | undefined {
  const [now, then] = [describeKey(leaf.key), describeKey(before.key)];
  return now === then
    ? undefined
    : { name: "key-type-changed", found: `its key is ${now}, the one before was ${then}` };
}

/** Names that no certificate of ours is for any more; undefined where there are none. */
export function dropped(names: readonly DnsName[]): Finding<"names-dropped"> | undefined {
  if (names.length === 0) return undefined;
  const more = names.length > 5 ? ` and ${names.length - 5} more` : "";
  const found = `the one before was for ${names.slice(0, 5).join(", ")}${more} too, and no certificate of ours is now`;
  return { name: "names-dropped", found };
}

function lifetime({ notBefore, notAfter }: { readonly notBefore: Date; readonly notAfter: Date }): number {
  return notAfter.getTime() - notBefore.getTime();
}

function lasting(ms: number): string {
  const hours = ms / 3_600_000;
  return hours < 240 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`;
}

function which(subject: string, i: number): string {
  return `certificate ${i + 1} (${quoted(subject)})`;
}
