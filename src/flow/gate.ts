import type { Call } from "../ports.ts";
import { abortable } from "./flights.ts";

/** Lets works in together, or one alone: who is to be alone waits for those inside, and others wait for that one. */
export interface Gate {
  /** Works beside others. Must not be called from inside: who is alone may be waiting. */
  together<T>(work: () => Promise<T>, call: Call): Promise<T>;
  /** Works alone; several take turns. */
  alone<T>(work: () => Promise<T>, call: Call): Promise<T>;
}

/** Makes a {@linkcode Gate}. */
export function gate(): Gate {
  const inside = new Set<Promise<void>>();
  let last: Promise<void> | undefined;
  return {
    async together<T>(work: () => Promise<T>, { signal }: Call): Promise<T> {
      while (last !== undefined) await abortable(last, signal);
      const { promise, resolve } = Promise.withResolvers<void>();
      inside.add(promise);
      try {
        return await work();
      } finally {
        inside.delete(promise);
        resolve();
      }
    },
    async alone<T>(work: () => Promise<T>, { signal }: Call): Promise<T> {
      const before = last ?? Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      const mine = before.then(() => promise);
      last = mine;
      // Not before all who came earlier have ended: one that gave its turn up must not hide the one that is alone.
      mine.then(() => {
        if (last === mine) last = undefined;
      });
      try {
        await abortable(before, signal);
        await abortable(Promise.all(inside), signal);
        return await work();
      } finally {
        resolve();
      }
    },
  };
}
