import type { Call } from "../../src/ports.ts";
import { abortable } from "./deadline.ts";

const tails = new Map<string, Promise<void>>();

/**
 * Does `work` when all that was asked for under the same key before has ended. HAProxy has one certificate transaction per
 * process, so everything that uses it on one socket goes through here. Who gives up waiting leaves the row in order.
 */
export async function inTurn<T>(key: string, call: Call, work: () => Promise<T>): Promise<T> {
  const before = tails.get(key) ?? Promise.resolve();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const tail = before.then(() => ended);
  tails.set(key, tail);
  tail.then(() => {
    if (tails.get(key) === tail) tails.delete(key);
  });
  try {
    await abortable(before, call);
    return await work();
  } finally {
    end();
  }
}
