/**
 * The embedded store in a folder that goes away with it.
 *
 * @module
 */
import { makeSealer } from "../../mod.ts";
import { sqliteLedger } from "../../plugin/sqlite/ledger.ts";
import { openSqlite } from "../../plugin/sqlite/store.ts";
import { sqliteVault } from "../../plugin/sqlite/vault.ts";
import type { Clock, Ledger, Vault } from "../../src/ports.ts";
import { tempDir } from "./process.ts";

/** A `VAULT_KEY` for tests. */
export const TEST_KEY = "a text of more than thirty-two characters";

/** An embedded vault; disposing it closes and removes the store. */
export async function embeddedVault(clock: Clock): Promise<Vault> {
  const { store, close } = temporaryStore();
  const vault = sqliteVault(store, await makeSealer(TEST_KEY), clock);
  return { ...vault, [Symbol.asyncDispose]: () => close(vault) };
}

/** An embedded ledger; disposing it closes and removes the store. */
export function embeddedLedger(clock: Clock): Ledger {
  const { store, close } = temporaryStore();
  const ledger = sqliteLedger(store, clock);
  return { ...ledger, [Symbol.asyncDispose]: () => close(ledger) };
}

function temporaryStore(): {
  readonly store: ReturnType<typeof openSqlite>;
  readonly close: (user: AsyncDisposable) => Promise<void>;
} {
  const folder = tempDir();
  const store = openSqlite(`${folder.path}/vault.db`);
  let open = true;
  const close = async (user: AsyncDisposable): Promise<void> => {
    await user[Symbol.asyncDispose]();
    if (!open) return;
    open = false;
    await store[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  };
  return { store, close };
}
