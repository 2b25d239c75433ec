import type { VaultName } from "../model/secret_name.ts";
import type { Vault } from "../ports.ts";

/** The same vault, which tells of each write and removal that goes through it. */
export function watchedVault(vault: Vault): Vault & Required<Pick<Vault, "watch">> {
  const listeners = new Set<(names: readonly VaultName[]) => void>();
  const tell = (names: readonly VaultName[]): void => listeners.forEach((listener) => listener(names));
  return {
    ready: (call) => vault.ready(call),
    list: (call) => vault.list(call),
    read: (name, call) => vault.read(name, call),
    history: (name, call) => vault.history(name, call),
    async write(writes, call): Promise<void> {
      await vault.write(writes, call);
      tell(writes.map((it) => it.name));
    },
    async remove(name, call): Promise<boolean> {
      const removed = await vault.remove(name, call);
      if (removed) tell([name]);
      return removed;
    },
    watch(listener, { signal }): void {
      if (signal.aborted) return;
      listeners.add(listener);
      signal.addEventListener("abort", () => listeners.delete(listener), { once: true });
    },
    [Symbol.asyncDispose]: () => vault[Symbol.asyncDispose](),
  };
}
