import type { Target } from "../model/balancer_plan.ts";
import { hasMoved, isWantedAt } from "../model/moved.ts";
import type { CertificateRecord, DeploymentRecord } from "../model/records.ts";
import { certificateSecrets, type SecretName } from "../model/secret_name.ts";
import { deploymentId } from "../ledger/records.ts";
import type { Call } from "../ports.ts";
import { deploy } from "./deploy.ts";
import { currentRecord, shown } from "./held.ts";
import type { Certificates, Place } from "./inner_service.ts";
import type { FlowParts } from "./parts.ts";
import { takeOutOf } from "./remove.ts";
import { restore } from "./restore.ts";
import type { HeldCertificate } from "./service.ts";
import { deployStandIn } from "./stand_in.ts";
import type { Turns } from "./turns.ts";

/** Everything that is done to certificates at balancers: swaps of one into a balancer and its removal from there take turns. */
export interface Swaps extends Pick<Certificates, "redeploy" | "serve" | "serveStandIn" | "restore" | "withdraw"> {
  /** Works while no balancer's swap of any of the certificates is under way. */
  whileNone<T>(secretNames: readonly SecretName[], work: () => Promise<T>, call: Call): Promise<T>;
}

/** Makes {@linkcode Swaps}. */
export function swaps(parts: FlowParts, turns: Turns): Swaps {
  /** Takes the turns one after the other. */
  const inTurns = <T>(names: readonly string[], work: () => Promise<T>, call: Call): Promise<T> =>
    names.reduceRight<() => Promise<T>>((inner, turn) => () => turns.take(turn, inner, call), work)();

  return {
    /** Swaps in what is held now, into each balancer in its own turn: one that hangs holds up no other. */
    async redeploy(record: CertificateRecord, call: Call): Promise<HeldCertificate> {
      const { secretName } = record.intent;
      const { balancers } = (await currentRecord(parts, secretName, call) ?? record).intent;
      await Promise.all(balancers.map((name) =>
        turns.take(swapTurn(secretName, name), async () => {
          const now = await currentRecord(parts, secretName, call); // it may have been replaced or removed meanwhile
          if (now !== undefined) await deploy(parts, now, name, call);
        }, call)
      ));
      return await shown(parts, await currentRecord(parts, secretName, call) ?? record, call);
    },

    serve({ balancer, secretName }: Place, since: Date, call: Call): Promise<DeploymentRecord | undefined> {
      return turns.take(swapTurn(secretName, balancer), async () => {
        const record = await currentRecord(parts, secretName, call);
        if (record?.intent.balancers.includes(balancer) !== true) return undefined;
        const known = (await parts.records.deployments.get(deploymentId(balancer, secretName), call))?.value;
        return known !== undefined && known.at > since ? known : await deploy(parts, record, balancer, call);
      }, call);
    },

    serveStandIn(balancer: string, target: Target, call: Call): Promise<DeploymentRecord | undefined> {
      const turn = swapTurn(target.secretName, balancer);
      return turns.take(turn, () => deployStandIn(parts, balancer, target, call), call);
    },

    restore(balancer: string, targets: readonly Target[], call: Call): Promise<ReadonlySet<SecretName>> {
      const names = targets.map((it) => swapTurn(it.secretName, balancer));
      return inTurns(names, () => restore(parts, balancer, targets, call), call);
    },

    withdraw({ balancer, secretName }: Place, call: Call): Promise<void> {
      return turns.take(swapTurn(secretName, balancer), async () => {
        const linked = parts.balancers.get(balancer);
        const given = await parts.records.deployments.get(deploymentId(balancer, secretName), call);
        // Two looks may have seen the same: who comes second finds nothing written down any more.
        if (linked === undefined || given === undefined) return;
        if (await isKept(parts, { balancer, secretName }, call)) return;
        await takeOutOf(parts, linked, secretName, call);
      }, call);
    },

    whileNone<T>(secretNames: readonly SecretName[], work: () => Promise<T>, call: Call): Promise<T> {
      const balancers = [...parts.balancers.keys()];
      return inTurns(secretNames.flatMap((it) => balancers.map((name) => swapTurn(it, name))), work, call);
    },
  };
}

/** It is held, and has not gone over to other balancers, or may still come back from an order that is under way. */
async function isKept(parts: FlowParts, { balancer, secretName }: Place, call: Call): Promise<boolean> {
  const { vault, records, balancers, settings: { declared = [] } } = parts;
  const record = await currentRecord(parts, secretName, call);
  if (record === undefined) return false;
  if (await vault.read(certificateSecrets(secretName).bundle, call) === undefined) return false;
  const { intent, facts: { fingerprint } } = record;
  const open = (await records.orders.list(call)).flatMap((entry) => entry.value.intent ?? []);
  if (isWantedAt(balancer, intent, [...declared, ...open])) return true;
  const links = intent.balancers.filter((name) => balancers.has(name));
  const known = await Promise.all(links.map((name) => records.deployments.get(deploymentId(name, secretName), call)));
  return !hasMoved(balancer, links, fingerprint, known.flatMap((row) => row?.value ?? []));
}

function swapTurn(secretName: SecretName, balancer: string): string {
  return `swap ${secretName} ${balancer}`;
}
