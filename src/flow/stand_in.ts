import type { Target } from "../model/balancer_plan.ts";
import { describe } from "../model/errors.ts";
import type { DeploymentRecord } from "../model/records.ts";
import { bundleFile } from "../model/secret_name.ts";
import { standInRefused } from "../model/stand_in.ts";
import { deploymentId } from "../ledger/records.ts";
import { readEarlierBundles } from "../vault/certificate_secrets.ts";
import type { Call } from "../ports.ts";
import { readBundle } from "../x509/bundle.ts";
import { isUntouched } from "./deploy.ts";
import type { FlowParts } from "./parts.ts";
import { digestOf } from "./targets.ts";

type Held = DeploymentRecord & { readonly state: "held" };

/**
 * Swaps an earlier version into a balancer that has refused the newest. The hold stays as it is, with its reason and its hour;
 * what stands in for it is written down beside.
 *
 * @returns What the balancer does with the certificate now; undefined where nothing is held there any more.
 */
export async function deployStandIn(
  parts: FlowParts,
  name: string,
  target: Target,
  call: Call,
): Promise<DeploymentRecord | undefined> {
  const { records, balancers, clock } = parts;
  const { secretName, fingerprint } = target;
  const held = await heldAt(parts, name, target, call);
  const pem = await standInPem(parts, name, target, call);
  const balancer = balancers.get(name);
  if (held === undefined || pem === undefined || balancer === undefined) return held;
  let now: Held;
  try {
    const { kind, shadowed } = await balancer.swap(
      { file: bundleFile(secretName), bundle: await readBundle(pem) },
      call,
    );
    now = { ...held, standIn: { fingerprint, at: clock.now(), shadowed } };
    const isNews = kind !== "unchanged" || held.standIn?.fingerprint !== fingerprint;
    if (isNews) tell(parts, now, "warn", `an earlier version of ${secretName} is served until the newest can be`);
  } catch (error) {
    call.signal.throwIfAborted();
    if (isUntouched(error)) throw error;
    now = standInRefused(held, fingerprint);
    tell(parts, now, "error", `an earlier version of ${secretName} is not served either: ${describe(error)}`);
  }
  await records.deployments.put(deploymentId(name, secretName), now, call);
  return now;
}

/** The text of a version that stands in: undefined where the vault does not keep it any more, or the newest is served. */
export async function standInPem(
  parts: FlowParts,
  balancer: string,
  target: Target,
  call: Call,
): Promise<string | undefined> {
  if (await heldAt(parts, balancer, target, call) === undefined) return undefined;
  for (const pem of await readEarlierBundles(parts.vault, target.secretName, call)) {
    if (await digestOf(pem) === target.digest) return pem;
  }
  return undefined;
}

async function heldAt(
  { records }: FlowParts,
  balancer: string,
  { secretName }: Target,
  call: Call,
): Promise<Held | undefined> {
  const known = (await records.deployments.get(deploymentId(balancer, secretName), call))?.value;
  return known?.state === "held" ? known : undefined;
}

function tell({ events }: FlowParts, { balancer, secretName }: Held, level: "warn" | "error", what: string): void {
  const fields = { balancer, secret: secretName };
  events.emit({ level, name: "certificate.stand_in", text: `${balancer}: ${what}`, fields });
}
