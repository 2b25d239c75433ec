import { attemptWait } from "../model/backoff.ts";
import { SidecarError } from "../model/errors.ts";
import type { Call, Clock } from "../ports.ts";

/**
 * Makes `work` one that rests after a failure: who asks before the backoff is over, or before the CA's `Retry-After`, is told
 * the same failure again, and nothing is sent. For what nobody waits for: a person's command tries at once.
 */
export function resting<T>(clock: Clock, work: (call: Call) => Promise<T>): (call: Call) => Promise<T> {
  let failures = 0;
  let rest: { readonly until: number; readonly error: SidecarError } | undefined;
  return async (call) => {
    if (rest !== undefined && clock.now().getTime() < rest.until) throw rest.error;
    try {
      const result = await work(call);
      [failures, rest] = [0, undefined];
      return result;
    } catch (error) {
      // Where the CA was not asked, asking costs nothing.
      if (error instanceof SidecarError && error.code.startsWith("CA_")) {
        const ours = clock.now().getTime() + attemptWait(++failures, clock.random());
        rest = { until: Math.max(ours, error.retryAt?.getTime() ?? 0), error };
      }
      throw error;
    }
  };
}
