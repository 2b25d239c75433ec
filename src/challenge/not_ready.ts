import { SidecarError, type SidecarErrorOptions } from "../model/errors.ts";
import type { Call } from "../ports.ts";

/** The answer cannot be seen, so the CA is not asked: a failed validation counts, this does not. */
export function notReady(message: string, options: SidecarErrorOptions): SidecarError {
  return new SidecarError("CHALLENGE_NOT_READY", message, { field: "challenge", ...options });
}

/**
 * Looks, and turns a failure to look into the caller's refusal with the failure as its cause. An abort stays what it is.
 *
 * @param refuse Makes the refusal.
 */
export async function look<T>(
  call: Call,
  ask: () => Promise<T>,
  refuse: (cause: unknown) => SidecarError,
): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    call.signal.throwIfAborted();
    throw refuse(cause);
  }
}
