import type { Call, Presented } from "../ports.ts";

/** How long taking down one answer may take: it never gets the signal that ended the work. */
const CLEAN_UP_MS = 5_000;

/**
 * Makes an answer that is up.
 *
 * @param settled Rejects while the answer cannot be seen.
 * @param withdraw Takes it down; must be idempotent.
 */
export function presented(
  settled: (call: Call) => Promise<void>,
  withdraw: (call: Call) => Promise<void>,
): Presented {
  return {
    settled,
    [Symbol.asyncDispose]: () => cleanUp(withdraw),
  };
}

/** Takes an answer down under a deadline of its own. */
export function cleanUp(withdraw: (call: Call) => Promise<void>): Promise<void> {
  return withdraw({ signal: AbortSignal.timeout(CLEAN_UP_MS) });
}
