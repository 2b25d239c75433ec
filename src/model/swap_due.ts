import { isResting } from "./attempt.ts";
import type { AttemptRecord, CertificateRecord, DeploymentRecord } from "./records.ts";

/**
 * Tells whether a certificate is to be swapped in: a balancer refused it and its time has come again, or nothing says that one
 * was asked since the certificate was stored, because a full disk came in between.
 */
export function isSwapDue(
  { intent, storedAt }: CertificateRecord,
  deployments: readonly DeploymentRecord[],
  attempt: AttemptRecord | undefined,
  now: Date,
): boolean {
  if (deployments.some((it) => it.state === "held" && it.until <= now)) return true;
  const asked = new Set(deployments.filter((it) => it.at >= storedAt).map((it) => it.balancer));
  return intent.balancers.some((name) => !asked.has(name)) && !isResting(attempt, now);
}
