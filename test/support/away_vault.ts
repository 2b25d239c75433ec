/**
 * A vault that goes away and comes back when the test says so, and an outbox in memory.
 *
 * @module
 */
import { type ErrorCode, SidecarError } from "../../src/model/errors.ts";
import type { Call, Outbox, OutboxEntry, Vault, VaultChange } from "../../src/ports.ts";

/** How a call of a vault that is away ends. */
export type Absence =
  | { readonly code: Extract<ErrorCode, "VAULT_UNAVAILABLE" | "VAULT_DENIED">; readonly only?: RegExp }
  /** The change is made, and the answer is lost. */
  | "answers get lost";

/** The vault, and what the test decides about it. */
export interface AwayVault {
  readonly vault: Vault;
  /** Calls so far, for example `read A`. */
  calls(): readonly string[];
  /** It goes away after so many more calls. */
  leave(absence: Absence, after?: number): void;
  /** It is back. */
  comeBack(): void;
}

/** Puts it around a vault. */
export function awayVault(inner: Vault): AwayVault {
  const calls: string[] = [];
  let absence: { readonly from: number; readonly how: Absence } | undefined;

  const call = async <T>(about: string, work: () => Promise<T>): Promise<T> => {
    calls.push(about);
    const how = absence !== undefined && calls.length > absence.from ? absence.how : undefined;
    if (how === undefined) return await work();
    if (how === "answers get lost") {
      if (!/^(?:write|remove)/.test(about)) return await work();
      await work();
      throw new SidecarError("VAULT_UNAVAILABLE", "The vault gave no answer in time");
    }
    if (how.only !== undefined && !how.only.test(about)) return await work();
    throw new SidecarError(
      how.code,
      how.code === "VAULT_DENIED" ? "The vault says: permission denied" : "The vault is sealed",
    );
  };

  return {
    calls: () => calls,
    leave(how, after = 0): void {
      absence = { from: calls.length + after, how };
    },
    comeBack(): void {
      absence = undefined;
    },
    vault: {
      ready: (own: Call) => call("ready", () => inner.ready(own)),
      list: (own: Call) => call("list", () => inner.list(own)),
      read: (name, own: Call) => call(`read ${name}`, () => inner.read(name, own)),
      history: (name, own: Call) => call(`history ${name}`, () => inner.history(name, own)),
      write: (writes, own: VaultChange) =>
        call(`write ${writes.map(({ name }) => name).join(" ")}`, () => inner.write(writes, own)),
      remove: (name, own: VaultChange) => call(`remove ${name}`, () => inner.remove(name, own)),
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    },
  };
}

/** An outbox that outlives the vaults that are put around it. */
export function memoryOutbox(): Outbox & { readonly entries: Map<string, OutboxEntry> } {
  const entries = new Map<string, OutboxEntry>();
  return {
    entries,
    list: () => Promise.resolve([...entries.values()].sort((a, b) => a.id < b.id ? -1 : 1)),
    put: (entry) => Promise.resolve(void entries.set(entry.id, entry)),
    remove: (id) => Promise.resolve(void entries.delete(id)),
  };
}
