import { clearImmediate, setImmediate } from "node:timers";
import type { SqliteStore } from "./store.ts";

/**
 * Writes that come in the same turn of the event loop share one commit: a commit waits for the disk, and an order for a
 * hundred names notes each of them. Every write still resolves only once it is on disk, and they happen in the order in which
 * they came.
 */
export interface GroupCommit {
  /** Carries out `work` in the next commit. What it throws undoes and rejects it alone. */
  write<T>(work: () => T): Promise<T>;
  /** Commits what is waiting. */
  flush(): void;
}

interface Waiting {
  /** Does the work, and says how to tell whoever waits once all is on disk. */
  carryOut(): () => void;
  fail(error: unknown): void;
}

/** Makes the {@linkcode GroupCommit} of a store. */
export function groupCommit(store: SqliteStore): GroupCommit {
  let waiting: readonly Waiting[] = [];
  let turn: ReturnType<typeof setImmediate> | undefined;

  const flush = (): void => {
    if (turn !== undefined) clearImmediate(turn);
    turn = undefined;
    const group = waiting;
    waiting = [];
    if (group.length === 0) return;
    try {
      for (const tell of store.transaction(() => group.map((it) => it.carryOut()))) tell();
    } catch (error) {
      for (const it of group) it.fail(error);
    }
  };

  return {
    flush,
    write<T>(work: () => T): Promise<T> {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      const carryOut = (): () => void => {
        try {
          const result = store.savepoint(work);
          return () => resolve(result);
        } catch (error) {
          return () => reject(error);
        }
      };
      waiting = [...waiting, { carryOut, fail: reject }];
      turn ??= setImmediate(flush);
      return promise;
    },
  };
}
