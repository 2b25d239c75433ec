import type { BalancerSituation, Target } from "../model/balancer_plan.ts";
import type { PendingAnswer } from "../model/inventory.ts";
import type { AuthorizationRecord } from "../model/records.ts";
import { bundleFile, type SecretName } from "../model/secret_name.ts";
import type { Call, LoadBalancer } from "../ports.ts";
import { isOpen } from "./answers.ts";
import type { FlowParts } from "./parts.ts";
import type { Targets } from "./targets.ts";

/** What a look at a balancer found. */
export interface Look extends Pick<BalancerSituation, "targets" | "earlier" | "deployments" | "inventory"> {
  /** When it began. */
  readonly since: Date;
  /** What is still to be seen as a client sees it. */
  readonly unproven: Target[];
  /** What was refused: another version may stand in for it. */
  readonly refused: Set<SecretName>;
  /** No client gets an answer. */
  blind: boolean;
}

/** Looks what a balancer has of its targets, and of the answers that it should give. */
export async function lookAt(
  { clock }: FlowParts,
  balancer: LoadBalancer,
  targets: Targets,
  answers: readonly PendingAnswer[],
  call: Call,
): Promise<Look> {
  const { name } = balancer;
  const since = clock.now();
  const mine = targets.held.filter((it) => it.balancers.includes(name));
  const deployments = targets.deployments.filter((it) => it.balancer === name);
  const files = mine.map((it) => bundleFile(it.secretName));
  return {
    since,
    targets: mine,
    earlier: targets.earlier,
    blind: false,
    unproven: [],
    refused: new Set(),
    deployments: new Map(deployments.map((it) => [it.secretName, it])),
    inventory: await balancer.inventory({ files, answers }, call),
  };
}

/** What is up, by the ledger, of the answers that this balancer alone gives. */
export async function answersAt(
  { records, clock }: FlowParts,
  balancer: string,
  call: Call,
): Promise<readonly AuthorizationRecord[]> {
  const all = (await records.authorizations.list(call)).map((entry) => entry.value);
  const now = clock.now();
  return all.filter((it) => it.presented && it.balancer === balancer && isOpen(it, now));
}
