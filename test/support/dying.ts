import type { Call, Ledger, SecretWrite, Vault } from "../../src/ports.ts";

/** Counts durable writes. At the one after the last the process dies: it is not carried out, and nothing is read any more. */
export interface Life {
  /** Writes that were carried out. */
  writes(): number;
  readonly ledger: (ledger: Ledger) => Ledger;
  readonly vault: (vault: Vault) => Vault;
}

/** A life of so many writes. */
export function lifeOf(last: number): Life {
  let count = 0;
  let dead = false;
  const alive = (): void => {
    if (dead) throw new Error("dead");
  };
  const written = <T>(work: () => Promise<T>): Promise<T> => {
    dead ||= count >= last;
    alive();
    count++;
    return work();
  };
  return {
    writes: () => count,
    ledger: (ledger) => ({
      get: async (key, call) => (alive(), await ledger.get(key, call)),
      list: async (prefix, call) => (alive(), await ledger.list(prefix, call)),
      put: async (key, value, call) => await written(() => ledger.put(key, value, call)),
      remove: async (key, call) => await written(() => ledger.remove(key, call)),
      watch: (prefix, call) => ledger.watch(prefix, call),
      lease: (name, ttlMs, call) => ledger.lease(name, ttlMs, call),
      [Symbol.asyncDispose]: () => ledger[Symbol.asyncDispose](),
    }),
    vault: (vault) => ({
      ready: async (call) => (alive(), await vault.ready(call)),
      list: async (call) => (alive(), await vault.list(call)),
      read: async (name, call) => (alive(), await vault.read(name, call)),
      history: async (name, call) => (alive(), await vault.history(name, call)),
      write: async (writes: readonly SecretWrite[], call: Call) => await written(() => vault.write(writes, call)),
      remove: async (name, call) => await written(() => vault.remove(name, call)),
      [Symbol.asyncDispose]: () => vault[Symbol.asyncDispose](),
    }),
  };
}
