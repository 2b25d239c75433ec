import type { Call } from "../ports.ts";
import { abortable } from "./flights.ts";

/** Lets works of the same name happen one after the other, in the order in which they came. */
export interface Turns {
  /** Runs `work` when it is its turn; who is aborted while waiting gives the turn up. */
  take<T>(name: string, work: () => Promise<T>, call: Call): Promise<T>;
  /** Tells whether who comes now need not wait. */
  isFree(name: string): boolean;
}

/** Makes {@linkcode Turns}. */
export function turns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return {
    isFree: (name) => !last.has(name),
    async take<T>(name: string, work: () => Promise<T>, call: Call): Promise<T> {
      const before = last.get(name) ?? Promise.resolve();
      const { promise: mine, resolve: done } = Promise.withResolvers<void>();
      const chain = before.then(() => mine);
      last.set(name, chain);
      // Not before all who came earlier have ended: one that gave its turn up must not hide the work that goes on.
      chain.then(() => {
        if (last.get(name) === chain) last.delete(name);
      });
      try {
        await abortable(before, call.signal);
        return await work();
      } finally {
        done();
      }
    },
  };
}
