import type { DeploymentRecord, Intent } from "./records.ts";

/**
 * Tells whether a certificate has gone over from one balancer to others: it is not linked with the one any more, and all that it
 * is linked with serve the version that is held. Until then it stays where clients get it; so does one that is linked with none.
 *
 * @param balancers Those that it is linked with.
 * @param deployments What is written down of the certificate.
 */
export function hasMoved(
  from: string,
  balancers: Intent["balancers"],
  fingerprint: string,
  deployments: readonly DeploymentRecord[],
): boolean {
  if (balancers.length === 0 || balancers.includes(from)) return false;
  const serving = deployments.filter((it) => it.state === "served" && it.fingerprint === fingerprint);
  return balancers.every((name) => serving.some((it) => it.balancer === name));
}

/** Tells whether somebody else wants the certificate, or the one that it stands beside, at the balancer. */
export function isWantedAt(
  balancer: string,
  { secretName, twinOf }: Pick<Intent, "secretName" | "twinOf">,
  others: readonly Intent[],
): boolean {
  return others.some((it) =>
    (it.secretName === secretName || it.secretName === twinOf) && it.balancers.includes(balancer)
  );
}
