import { attemptWait, KNOCK_MS } from "./backoff.ts";
import { codeOf, describe, isRateLimited, isVaultAway, OrderParkedError, SidecarError } from "./errors.ts";
import type { AttemptRecord } from "./records.ts";
import { given } from "./shape.ts";

/** How many look: one may not be wanted any more. */
const KNOCKING = 3;
/** More than this in the future, and the record came from a clock that was wrong. */
const DOUBTFUL_MS = 60_000;

/**
 * What to write down after a failure: tried again after the backoff, but never before the CA's `Retry-After`; a person's turn
 * is looked at each minute. What only has to wait, for a limit, for a CA that is busy or for a vault that is away, is no
 * failure: it goes on when it may.
 *
 * @param failures In a row, this one included.
 * @param random A number in [0, 1).
 */
export function attemptFailed(error: unknown, failures: number, now: Date, random: number): AttemptRecord {
  if (isRateLimited(error) && error.retryAt !== undefined && error.retryAt > now) {
    const { code, retryAt } = error;
    return {
      failures: failures - 1,
      lastError: describe(error),
      lastCode: code,
      nextAt: retryAt,
      retryAt,
      lastAt: now,
    };
  }
  if (isVaultAway(error)) {
    const nextAt = new Date(now.getTime() + attemptWait(1, random));
    return { failures: failures - 1, lastError: describe(error), lastCode: error.code, nextAt, lastAt: now };
  }
  const backoff = attemptWait(error instanceof OrderParkedError ? 1 : failures, random);
  const ours = now.getTime() + (isAway(error) ? Math.min(backoff, KNOCK_MS) : backoff);
  const theirs = error instanceof SidecarError ? error.retryAt : undefined;
  return {
    failures,
    lastError: describe(error),
    lastCode: codeOf(error),
    nextAt: new Date(Math.max(ours, theirs?.getTime() ?? 0)),
    ...given("retryAt", theirs),
    lastAt: now,
  };
}

/**
 * Ends rests that have lost their reason. A CA that was away and has done something since is back for all who missed it; while
 * it is away, a few look for it every eight minutes and the others keep still. What the CA asked for binds.
 *
 * @param attempts Of all certificates that are wanted.
 */
export function easeAttempts<K>(attempts: ReadonlyMap<K, AttemptRecord>, now: Date): ReadonlyMap<K, AttemptRecord> {
  const all = [...attempts].map(([key, it]) => [key, isDoubtful(it, now) ? rested(it, now) : it] as const);
  const missing = all.filter(([, it]) => it.failures > 0 && it.lastCode === "CA_TRANSPORT" && it.nextAt !== undefined);
  if (missing.length === 0) return new Map(all);
  const heardAt = newest(all.map(([, it]) => it).filter((it) => it.failures === 0 && it.nextAt === undefined));
  const missedAt = newest(missing.map(([, it]) => it));
  const knocking = new Set(missing.toSorted(([, a], [, b]) => +a.nextAt! - +b.nextAt!).slice(0, KNOCKING));
  const eased = missing.map((entry) => {
    const [key, it] = entry;
    if (it.lastAt.getTime() < heardAt) return [key, rested(it, now)] as const;
    return [key, knocking.has(entry) ? rested(it, new Date(missedAt + KNOCK_MS)) : it] as const;
  });
  return new Map([...all, ...eased]);
}

/** A CA that is in maintenance and does not say for how long, or too ill to be spoken to at all, may be back at any time. */
function isAway(error: unknown): boolean {
  if (!(error instanceof SidecarError) || error.status === undefined) return false;
  return error.status === 503 || (error.beforeAll === true && error.status >= 500);
}

/** Tells whether nothing is tried for the certificate yet. */
export function isResting(attempt: AttemptRecord | undefined, now: Date): boolean {
  return attempt?.nextAt !== undefined && attempt.nextAt > now;
}

/** The same, over at `at` where it would last longer and the CA has not asked for more. */
function rested(attempt: AttemptRecord, at: Date): AttemptRecord {
  const { nextAt, retryAt } = attempt;
  if (nextAt === undefined) return attempt;
  const bound = retryAt !== undefined && !(attempt.lastAt > at) ? Math.max(+at, +retryAt) : +at;
  return { ...attempt, nextAt: new Date(Math.min(+nextAt, bound)) };
}

/** Tells whether a record was written by a clock that was wrong: its times say nothing then. */
export function isDoubtful({ lastAt }: { readonly lastAt: Date }, now: Date): boolean {
  return lastAt.getTime() > now.getTime() + DOUBTFUL_MS;
}

function newest(attempts: readonly AttemptRecord[]): number {
  return Math.max(...attempts.map((it) => it.lastAt.getTime()));
}
