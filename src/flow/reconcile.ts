import { deploymentSecret } from "../ledger/records.ts";
import type { Intent } from "../model/records.ts";
import { bundleBase, type SecretName } from "../model/secret_name.ts";
import type { Call } from "../ports.ts";
import type { Answers } from "./answers.ts";
import { type BalancerWatch, balancerWatch } from "./balancer_watch.ts";
import type { Certificates } from "./certificates.ts";
import type { FlowParts } from "./parts.ts";
import { quietly } from "./quietly.ts";
import { type TargetReader, targetReader } from "./targets.ts";

/** Keeps what the balancers serve the same as what the vault holds. */
export interface Reconcile {
  /** Works until the signal aborts, and resolves when the last work has ended. */
  run(call: Call): Promise<void>;
  /** One look at every balancer, as if its time had come; resolves when what it found is repaired or told. */
  look(call: Call): Promise<void>;
}

/**
 * Makes the {@linkcode Reconcile} of all balancers. Each has its own loop: one that is away or slow delays no other, and gets
 * what is newest when it is back. It never asks the CA.
 *
 * @param declared The certificates of `CERTIFICATES`.
 */
export function reconcile(
  parts: FlowParts,
  service: Certificates,
  answers: Answers,
  declared: readonly Intent[],
): Reconcile {
  const targets = targetReader(parts, declared);
  const watches = [...parts.balancers.values()].map((it) => balancerWatch(parts, { service, answers, targets }, it));
  return {
    async look(call): Promise<void> {
      await Promise.all(watches.map((watch) => watch.look(call)));
    },
    async run(call): Promise<void> {
      const listening = quietly(parts, "reconcile.watch", () => listen(parts, targets, watches, call), call);
      await Promise.all([listening, ...watches.map((watch) => watch.run(call))]);
    },
  };
}

/** What was written is looked at at once, and what only waits for other balancers as soon as one of them has it. */
async function listen(
  { vault, records }: FlowParts,
  targets: TargetReader,
  watches: readonly BalancerWatch[],
  call: Call,
): Promise<void> {
  const touch = (name: SecretName): void => watches.forEach((watch) => watch.touch(name));
  vault.watch?.((names) => names.flatMap((it) => bundleBase(it) ?? []).forEach(touch), call);
  const written = async (): Promise<void> => {
    for await (const id of records.certificates.watch(call)) touch(id as SecretName);
  };
  const deployed = async (): Promise<void> => {
    for await (const id of records.deployments.watch(call)) {
      const secretName = deploymentSecret(id);
      if (targets.isAwaited(secretName)) touch(secretName);
    }
  };
  await Promise.all([written(), deployed()]);
}
