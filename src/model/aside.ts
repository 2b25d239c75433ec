import { sameNames } from "./dns_name.ts";
import type { AsideRecord, AttemptRecord, Intent } from "./records.ts";

const HOUR_MS = 3_600_000;

/**
 * How long no other certificate is ordered after so many were kept aside in a row. From the fourth on slowly enough for the
 * tightest limit in use: five certificates a week for the same names, one more each 34 hours (Let's Encrypt).
 */
export function orderAgainWait(count: number): number {
  return ([1, 6, 24][count - 1] ?? 36) * HOUR_MS;
}

/** An order whose certificate cannot even be read is looked at this often; the last time, what came is kept aside. */
export const MOST_LOOKS = 5;

/** A certificate that is only too early is waited for this long; one that is earlier still is kept aside. */
export const MOST_WAIT_MS = 24 * HOUR_MS;

/**
 * How long to rest where a certificate was kept aside: until another one may be ordered. Where it was of another CA, or what
 * is wanted has changed, there is no reason to rest any more.
 */
export function restAfter(
  attempt: AttemptRecord | undefined,
  aside: AsideRecord | undefined,
  wanted: Intent,
  directory: URL,
): AttemptRecord | undefined {
  if (aside === undefined) return attempt;
  const same = aside.directory.href === directory.href && aside.intent.keyType === wanted.keyType &&
    sameNames(aside.intent.names, wanted.names);
  if (!same) return attempt?.lastCode === "CERTIFICATE_REJECTED" ? undefined : attempt;
  const nextAt = new Date(Math.max(aside.until.getTime(), attempt?.nextAt?.getTime() ?? 0));
  return { ...attempt ?? { failures: aside.count, lastAt: aside.at }, nextAt };
}
