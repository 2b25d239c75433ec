import type { Proof, SwapReason } from "../model/balancer_plan.ts";
import type { SecretName } from "../model/secret_name.ts";

/** What the balancer does not give up it is asked for again after that long, or when it has changed. */
const KEPT_MS = 60 * 60_000;

/** What is known of the certificates on one balancer from look to look. It is lost with the process, and found out again. */
export interface BalancerMemory {
  /** What was seen last. */
  readonly proofs: ReadonlyMap<SecretName, Proof>;
  /** How often in a row a change of the balancer let go a version that it then refused again. */
  readonly releases: ReadonlyMap<SecretName, number>;
  /** A client got that version. */
  proven(secretName: SecretName, proof: Proof): void;
  /** The newest version is served. */
  served(secretName: SecretName): void;
  /** The newest version was refused, after that had let it go. */
  refused(secretName: SecretName, why: SwapReason): void;
  /** It is gone from the balancer. */
  removed(secretName: SecretName): void;
  /** Of all others nothing is to be known any more. */
  keepOnly(secretNames: ReadonlySet<SecretName>): void;
  /** The balancer did not give it up. */
  keeps(secretName: SecretName, sign: string | undefined, now: Date): void;
  /** It would not give it up now either. */
  isKept(secretName: SecretName, sign: string | undefined, now: Date): boolean;
}

/** Makes a {@linkcode BalancerMemory}, empty. */
export function balancerMemory(): BalancerMemory {
  const proofs = new Map<SecretName, Proof>();
  const releases = new Map<SecretName, number>();
  const kept = new Map<SecretName, { readonly sign: string | undefined; readonly until: Date }>();
  return {
    proofs,
    releases,
    proven: (secretName, proof) => void proofs.set(secretName, proof),
    served: (secretName) => void releases.delete(secretName),
    refused(secretName, why): void {
      releases.set(secretName, why === "the balancer changed" ? (releases.get(secretName) ?? 0) + 1 : 0);
    },
    removed(secretName): void {
      kept.delete(secretName);
      proofs.delete(secretName);
    },
    keepOnly(secretNames): void {
      for (const known of [proofs, releases, kept]) {
        for (const name of known.keys()) if (!secretNames.has(name)) known.delete(name);
      }
    },
    keeps(secretName, sign, now): void {
      kept.set(secretName, { sign, until: new Date(now.getTime() + KEPT_MS) });
    },
    isKept(secretName, sign, now): boolean {
      const before = kept.get(secretName);
      return before !== undefined && before.sign === sign && before.until > now;
    },
  };
}
