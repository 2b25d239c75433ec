import { hasMoved, isWantedAt } from "../model/moved.ts";
import type { DeploymentRecord, Intent } from "../model/records.ts";
import type { SecretName } from "../model/secret_name.ts";
import type { FlowParts } from "./parts.ts";

/** A certificate that the vault holds. */
export interface Kept {
  readonly intent: Intent;
  /** Of its leaf; absent where it cannot be read: then nobody gives up what he has in its place. */
  readonly fingerprint?: string;
}

/** Tells what balancers have of ours and are to give up. */
export interface Departures {
  /** By balancer. Deployments are all that are written down of the certificates that they are about. */
  of(
    kept: ReadonlyMap<SecretName, Kept>,
    deployments: readonly DeploymentRecord[],
  ): ReadonlyMap<string, ReadonlySet<SecretName>>;
  /** Tells whether a balancer was seen that gives the certificate up as soon as others serve it. */
  isAwaited(secretName: SecretName): boolean;
}

/**
 * Makes {@linkcode Departures}.
 *
 * @param declared Certificates that are brought back where their bundle is gone: the balancers keep them until then.
 */
export function departures({ balancers }: Pick<FlowParts, "balancers">, declared: readonly Intent[]): Departures {
  const wanted = new Set(declared.map((intent) => intent.secretName));
  const awaited = new Set<SecretName>();

  /** What is held stays where it was until others serve it in that one's place. */
  const hasLeft = ({ intent, fingerprint }: Kept, from: string, given: readonly DeploymentRecord[]): boolean => {
    if (fingerprint === undefined || intent.balancers.includes(from)) return false;
    if (isWantedAt(from, intent, declared)) return false;
    const links = intent.balancers.filter((name) => balancers.has(name));
    const left = hasMoved(from, links, fingerprint, given);
    if (!left) awaited.add(intent.secretName);
    return left;
  };

  return {
    isAwaited: (secretName) => awaited.has(secretName),
    of(kept, deployments): ReadonlyMap<string, ReadonlySet<SecretName>> {
      for (const name of kept.keys()) awaited.delete(name);
      const gone = new Map<string, Set<SecretName>>();
      for (const [secretName, given] of Map.groupBy(deployments, (it) => it.secretName)) {
        const held = kept.get(secretName);
        if (held === undefined) awaited.delete(secretName);
        for (const { balancer } of given) {
          const over = held === undefined ? !wanted.has(secretName) : hasLeft(held, balancer, given);
          if (over) gone.set(balancer, (gone.get(balancer) ?? new Set()).add(secretName));
        }
      }
      return gone;
    },
  };
}
