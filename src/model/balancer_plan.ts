import type { DnsName } from "./dns_name.ts";
import type { KeyFamily } from "./key_type.ts";
import type { FileHops, Hop, Inventory, MemoryHop, PendingAnswer } from "./inventory.ts";
import type { DeploymentRecord } from "./records.ts";
import { bundleFile, type SecretName } from "./secret_name.ts";
import { chooseStandIn, isRefused } from "./stand_in.ts";

/** The version of a certificate that a balancer shall serve: the newest, or the one that stands in where that is held. */
export interface Target {
  /** The base of its secrets' names. */
  readonly secretName: SecretName;
  /** SHA-256 of the leaf. */
  readonly fingerprint: string;
  /** SHA-1 of the leaf: HAProxy tells certificates apart by it. */
  readonly sha1: string;
  /** SHA-256 of the file's text. */
  readonly digest: string;
  /** Algorithm of its key: clients that take only the other one are not asked about it. */
  readonly family: KeyFamily;
  /** What it is for. */
  readonly names: readonly DnsName[];
  /** End of its validity. */
  readonly notAfter: Date;
  /** It is not the newest. */
  readonly standsIn?: true;
}

/** What a client saw. */
export interface Proof {
  /** The version that was seen. */
  readonly fingerprint: string;
  /** The balancer's sign then. */
  readonly sign: string;
  /** When. */
  readonly at: Date;
}

/** Everything that is known of a balancer when it is judged. */
export interface BalancerSituation {
  /** What it shall serve: the newest version of each. */
  readonly targets: readonly Target[];
  /** Of those that it has refused the versions before, newest first; left out where the vault cannot tell now. */
  readonly earlier: ReadonlyMap<SecretName, readonly Target[]>;
  /** What it was given once and has no business there any more. */
  readonly gone: readonly SecretName[];
  /** What is written down about it. */
  readonly deployments: ReadonlyMap<SecretName, DeploymentRecord>;
  /** What it has. */
  readonly inventory: Inventory;
  /** What was seen last. */
  readonly proofs: ReadonlyMap<SecretName, Proof>;
  /** How often in a row a change of the balancer let go a version that it then refused again. */
  readonly releases: ReadonlyMap<SecretName, number>;
  /** How many certificates may be probed that were proven before under the same sign. */
  readonly probes: number;
  /** The moment that is judged. */
  readonly now: Date;
}

/** Why a certificate is swapped in. */
export type SwapReason =
  | "never given"
  | "newer"
  | "not on disk"
  | "not loaded"
  | "another is loaded"
  | "another is served"
  | "the balancer changed" // since it refused this version
  | "the hold is over"
  | "the newest is held"; // and this one was not seen served in its stead

/** One thing to do about a balancer. */
export type BalancerStep =
  | { readonly do: "answer"; readonly answer: PendingAnswer }
  | { readonly do: "swap"; readonly target: Target; readonly why: SwapReason }
  | { readonly do: "remove"; readonly secretName: SecretName }
  | { readonly do: "probe"; readonly target: Target }
  | { readonly do: "wait"; readonly secretName: SecretName; readonly until: Date }
  | { readonly do: "alarm"; readonly secretName: SecretName; readonly hop: Hop; readonly found: string };

/** A proof is taken again after that long. */
const PROOF_MS = 10 * 60_000;
/** So often may a version that is refused be tried again because the balancer changed: it may be what ends the balancer. */
const RELEASES = 3;

/**
 * Decides what has to be done so that a balancer serves its targets. Pure: the same situation gives the same steps. Most
 * urgent first: answers that a CA is about to ask for, names that clients get something else for, newer versions, files;
 * among equals what expires first.
 */
export function planBalancer(situation: BalancerSituation): readonly BalancerStep[] {
  const { targets, gone, inventory, probes } = situation;
  const judged = targets.flatMap((target) => judge(target, situation).map((step) => ({ step, target })));
  const sorted = judged
    .sort((a, b) => a.target.notAfter.getTime() - b.target.notAfter.getTime())
    .sort((a, b) => urgency(a.step) - urgency(b.step))
    .map(({ step }) => step);
  return [
    ...inventory.missing.map((answer): BalancerStep => ({ do: "answer", answer })),
    ...sorted.filter((step) => step.do === "swap"),
    ...gone.map((secretName): BalancerStep => ({ do: "remove", secretName })),
    ...fewest(sorted.filter((step) => step.do === "probe"), situation, probes),
    ...sorted.filter((step) => step.do === "alarm" || step.do === "wait"),
  ];
}

function judge(target: Target, situation: BalancerSituation): readonly BalancerStep[] {
  const { secretName, fingerprint } = target;
  const known = situation.deployments.get(secretName);
  const hops: FileHops = situation.inventory.files.get(bundleFile(secretName)) ?? {};
  if (known === undefined) return [{ do: "swap", target, why: "never given" }];
  if (known.fingerprint !== fingerprint) return [{ do: "swap", target, why: "newer" }];
  if (known.state === "held") return judgeHeld(target, known, situation);
  return judgeServed(target, hops, [target.digest], situation);
}

/** @param digests What may lie on disk. */
function judgeServed(
  target: Target,
  { disk, memory }: FileHops,
  digests: readonly string[],
  situation: BalancerSituation,
): readonly BalancerStep[] {
  const onDisk = disk !== undefined && digests.includes(disk);
  const why = memoryFault(target.sha1, memory) ?? (onDisk ? undefined : "not on disk");
  if (why !== undefined) return [{ do: "swap", target, why }];
  return isProven(target, situation) ? [] : [{ do: "probe", target }];
}

type Held = DeploymentRecord & { readonly state: "held" };

function judgeHeld(target: Target, held: Held, situation: BalancerSituation): readonly BalancerStep[] {
  const { inventory, releases, now } = situation;
  const { secretName } = target;
  const { until, sign, reason, hop = "balancer" } = held;
  if (until <= now) return [{ do: "swap", target, why: "the hold is over" }];
  if (sign !== inventory.sign && (releases.get(secretName) ?? 0) < RELEASES) {
    return [{ do: "swap", target, why: "the balancer changed" }];
  }
  const earlier = isRefused(held) ? situation.earlier.get(secretName) : undefined;
  const standIn = chooseStandIn(held, earlier ?? [], now);
  const alone = earlier !== undefined && standIn === undefined;
  return [
    ...standIn === undefined ? [] : judgeStandIn(standIn, target, held, situation),
    { do: "alarm", secretName, hop, found: alone ? `${reason}; ${ALONE}` : reason },
    { do: "wait", secretName, until },
  ];
}

const ALONE = "the vault has no earlier version that the balancer could serve meanwhile";

/** On disk the newest may lie as well: what is too large for the runtime socket waits there for the next reload. */
function judgeStandIn(
  target: Target,
  newest: Target,
  { standIn }: Held,
  situation: BalancerSituation,
): readonly BalancerStep[] {
  if (standIn?.fingerprint !== target.fingerprint) return [{ do: "swap", target, why: "the newest is held" }];
  const hops = situation.inventory.files.get(bundleFile(target.secretName)) ?? {};
  return judgeServed(target, hops, [target.digest, newest.digest], situation);
}

function memoryFault(sha1: string, memory: MemoryHop | undefined): "not loaded" | "another is loaded" | undefined {
  if (memory === undefined) return undefined;
  if (!memory.loaded) return "not loaded";
  return memory.sha1 !== undefined && memory.sha1 !== sha1 ? "another is loaded" : undefined;
}

function isProven({ secretName, fingerprint }: Target, { proofs, inventory, now }: BalancerSituation): boolean {
  const proof = proofs.get(secretName);
  return proof?.fingerprint === fingerprint && proof.sign === inventory.sign &&
    now.getTime() - proof.at.getTime() < PROOF_MS;
}

/** What was not proven under this sign at all, and of the rest those whose proof is oldest. */
function fewest(
  steps: readonly (BalancerStep & { readonly do: "probe" })[],
  { proofs, inventory }: BalancerSituation,
  most: number,
): readonly BalancerStep[] {
  const ageOf = ({ target }: { readonly target: Target }): number => {
    const proof = proofs.get(target.secretName);
    return proof?.sign === inventory.sign ? proof.at.getTime() : -Infinity;
  };
  const byAge = steps.toSorted((a, b) => ageOf(a) < ageOf(b) ? -1 : 1);
  const unseen = byAge.filter((step) => ageOf(step) === -Infinity).length;
  return byAge.slice(0, Math.max(unseen, most));
}

const URGENCY: Readonly<Record<SwapReason, number>> = {
  "another is served": 0,
  "another is loaded": 0,
  "not loaded": 0,
  "never given": 1,
  "newer": 1,
  "the balancer changed": 1,
  "the newest is held": 1,
  "the hold is over": 2,
  "not on disk": 2,
};

function urgency(step: BalancerStep): number {
  return step.do === "swap" ? URGENCY[step.why] : 3;
}
