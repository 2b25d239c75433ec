import type { Call, Clock } from "../ports.ts";
import { isRepeatable } from "./refusal.ts";

/** Between the attempts at a question that changes nothing, in milliseconds. */
const WAITS: readonly number[] = [250, 1_000];

/** Asks a question that changes nothing up to three times while the trouble is one that may pass. */
export async function repeated<T>(clock: Clock, call: Call, ask: () => Promise<T>): Promise<T> {
  for (const wait of WAITS) {
    try {
      return await ask();
    } catch (error) {
      if (!isRepeatable(error)) throw error;
    }
    await clock.sleep(wait, call);
  }
  return await ask();
}
