import type { Call } from "../../src/ports.ts";

/**
 * Does `work` under a deadline of its own beside the caller's signal. Whatever `work` throws after one of them fired gives
 * way to the reason: the signal's, or what `late` returns. No timer and no listener stays behind.
 *
 * @param ms The deadline, in milliseconds.
 * @param late Makes the error of a missed deadline.
 */
export async function withDeadline<T>(
  ms: number,
  call: Call,
  late: () => Error,
  work: (call: Call) => Promise<T>,
): Promise<T> {
  call.signal.throwIfAborted();
  const control = new AbortController();
  const onAbort = (): void => control.abort(call.signal.reason);
  call.signal.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => control.abort(late()), ms);
  try {
    return await work({ signal: control.signal });
  } catch (error) {
    throw control.signal.aborted ? control.signal.reason : error;
  } finally {
    clearTimeout(timer);
    call.signal.removeEventListener("abort", onAbort);
  }
}

/** Waits for `promise`, or rejects with the signal's reason; the promise itself goes on. */
export async function abortable<T>(promise: Promise<T>, { signal }: Call): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
