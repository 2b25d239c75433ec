import type { Visit } from "./visit.ts";

/** What became of a number of requests. */
export interface Tally {
  readonly made: number;
  readonly failed: number;
  /** Why the first ones failed. */
  readonly reasons: readonly string[];
  readonly slowestMs: number;
  readonly totalMs: number;
  /** Certificate's serial → requests that met it, in the order in which they appeared. */
  readonly serials: ReadonlyMap<string, number>;
  /** HAProxy processes that answered. */
  readonly pids: ReadonlySet<number>;
}

/** Nothing yet. */
export const NO_REQUESTS: Tally = {
  made: 0,
  failed: 0,
  reasons: [],
  slowestMs: 0,
  totalMs: 0,
  serials: new Map(),
  pids: new Set(),
};

const REASONS = 5;

/** Counts a request that was answered. */
export function withAnswer(tally: Tally, { serial, pid, ms }: Visit): Tally {
  const { made, serials, pids, slowestMs, totalMs } = tally;
  return {
    ...tally,
    made: made + 1,
    slowestMs: Math.max(slowestMs, ms),
    totalMs: totalMs + ms,
    serials: new Map([...serials, [serial, (serials.get(serial) ?? 0) + 1]]),
    pids: new Set([...pids, pid]),
  };
}

/** Counts a request that failed. */
export function withFailure(tally: Tally, reason: string): Tally {
  const { made, failed, reasons } = tally;
  return { ...tally, made: made + 1, failed: failed + 1, reasons: [...reasons, reason].slice(0, REASONS) };
}
