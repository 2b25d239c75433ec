import type { Call, Clock } from "../mod.ts";

/** setTimeout counts in 32 bits: a longer wait would fire at once (24.8 days). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The timers that a wait is made of, one after the other, in milliseconds; none for no wait. */
export function* timersFor(ms: number): Generator<number> {
  for (let left = ms; left > 0; left -= LONGEST_TIMER_MS) yield Math.min(left, LONGEST_TIMER_MS);
}

/** The machine's clock and timers. */
export const systemClock: Clock = {
  now: () => new Date(),
  random: () => Math.random(),
  async sleep(ms: number, call: Call): Promise<void> {
    for (const part of timersFor(ms)) await timer(part, call.signal);
    call.signal.throwIfAborted();
  },
};

function timer(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (signal.aborted) return Promise.reject(signal.reason);
  const abort = (): void => {
    clearTimeout(id);
    reject(signal.reason);
  };
  const id = setTimeout(() => {
    signal.removeEventListener("abort", abort);
    resolve();
  }, ms);
  signal.addEventListener("abort", abort, { once: true });
  return promise;
}
