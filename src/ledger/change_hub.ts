import type { Call, LedgerChange } from "../ports.ts";

/** Tells the changes of a ledger to those who watch it inside this process. */
export interface ChangeHub {
  /** Hands the change to everyone who watches a prefix of its key. */
  publish(change: LedgerChange): void;
  /** Duty of `Ledger.watch`: changes from this call on, also those that come before the first is asked for. */
  watch(prefix: string, call: Call): AsyncIterable<LedgerChange>;
  /** Ends all watching. */
  close(): void;
}

interface Watcher {
  readonly prefix: string;
  push(change: LedgerChange): void;
  end(): void;
}

/** Makes a {@linkcode ChangeHub}. */
export function changeHub(): ChangeHub {
  const watchers = new Set<Watcher>();
  return {
    publish(change: LedgerChange): void {
      for (const watcher of watchers) if (change.key.startsWith(watcher.prefix)) watcher.push(change);
    },
    watch(prefix: string, { signal }: Call): AsyncIterable<LedgerChange> {
      const queue = changeQueue();
      const end = (): void => {
        signal.removeEventListener("abort", end);
        watchers.delete(watcher);
        queue.end();
      };
      const watcher = { prefix, push: queue.push, end };
      watchers.add(watcher);
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
      return { [Symbol.asyncIterator]: () => ({ next: queue.next, return: () => (end(), queue.next()) }) };
    },
    close(): void {
      for (const watcher of [...watchers]) watcher.end();
    },
  };
}

/** What was published and not read yet; once ended, what is left is dropped. */
function changeQueue(): {
  push(change: LedgerChange): void;
  end(): void;
  next(): Promise<IteratorResult<LedgerChange, undefined>>;
} {
  let changes: LedgerChange[] | undefined = [];
  let news = Promise.withResolvers<void>();
  const tell = (): void => {
    news.resolve();
    news = Promise.withResolvers();
  };
  return {
    push(change: LedgerChange): void {
      changes?.push(change);
      tell();
    },
    end(): void {
      changes = undefined;
      tell();
    },
    async next(): Promise<IteratorResult<LedgerChange, undefined>> {
      while (changes !== undefined) {
        const value = changes.shift();
        if (value !== undefined) return { value };
        await news.promise;
      }
      return { value: undefined, done: true };
    },
  };
}
