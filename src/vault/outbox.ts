import { describe, isVaultAway, SidecarError } from "../model/errors.ts";
import type { VaultName } from "../model/secret_name.ts";
import type { Call, Clock, Events, Outbox, Secret, SecretEntry, SecretWrite, Vault, VaultChange } from "../ports.ts";
import type { Sealer } from "./seal.ts";
import { normaliseValue } from "./value.ts";
import { type Change, type Pending, readWaiting, sealPending, type Waiting } from "./pending.ts";
import { readyWrites } from "./writes.ts";

/** What {@linkcode outboxVault} works with. */
export interface OutboxOptions {
  /** The vault that may be away. */
  readonly vault: Vault;
  /** Where changes wait for it. */
  readonly outbox: Outbox;
  /** Seals what waits. */
  readonly sealer: Sealer;
  /** Says since when it waits. */
  readonly clock: Clock;
  /** Is told what begins to wait, and what cannot be read. */
  readonly events: Events;
}

/** A stale answer or another writer may come in between so often before a change goes on waiting. */
const TRIES = 3;

/**
 * The vault, with a sealed outbox for what is in hand while it is away: a change with `mayWait` is kept there and counts as
 * made. What waits is carried out first of all as soon as the vault is back, in its order, and can be read until then.
 *
 * Disposing it disposes the vault; what waits goes on waiting for the next start.
 */
export function outboxVault(options: OutboxOptions): Vault {
  return new OutboxedVault(options);
}

class OutboxedVault implements Vault {
  readonly #it: OutboxOptions;
  /** What waits; undefined until it was read. */
  #waiting: Waiting | undefined;
  /** The last work on what waits: they are done in turn. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: OutboxOptions) {
    this.#it = options;
  }

  async ready(call: Call): Promise<void> {
    await this.#drained(call);
    await this.#it.vault.ready(call);
  }

  async list(call: Call): Promise<readonly SecretEntry[]> {
    await this.#drained(call);
    return await this.#it.vault.list(call);
  }

  async read(name: VaultName, call: Call): Promise<Secret | undefined> {
    await this.#drained(call).catch((error: unknown) => {
      if (!isVaultAway(error)) throw error;
    });
    const waiting = this.#waitingFor(name);
    return waiting === undefined ? await this.#it.vault.read(name, call) : waiting.secret;
  }

  async history(name: VaultName, call: Call): Promise<readonly Secret[]> {
    await this.#drained(call);
    return await this.#it.vault.history(name, call);
  }

  async write(writes: readonly SecretWrite[], call: VaultChange): Promise<void> {
    await this.#change({ do: "write", writes }, () => this.#it.vault.write(writes, call), call);
  }

  async remove(name: VaultName, call: VaultChange): Promise<boolean> {
    return await this.#change({ do: "remove", name }, () => this.#it.vault.remove(name, call), call) ?? true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#it.vault[Symbol.asyncDispose]();
  }

  /** Makes the change; undefined where it waits. */
  async #change<T>(change: Change, make: () => Promise<T>, call: VaultChange): Promise<T | undefined> {
    try {
      await this.#drained(call);
      return await make();
    } catch (error) {
      if (call.mayWait !== true || !isVaultAway(error)) throw error;
      await this.#inTurn(() => this.#put(change, error, call));
      return undefined;
    }
  }

  async #put(change: Change, why: SidecarError, call: Call): Promise<void> {
    const { outbox, sealer, clock, events } = this.#it;
    const { changes, last } = await this.#read(call);
    const id = String(last + 1).padStart(12, "0");
    const entry: Pending = { ...ready(change), id, at: clock.now() };
    try {
      await outbox.put({ id, sealed: await sealPending(sealer, entry) }, call);
    } catch (cause) {
      call.signal.throwIfAborted();
      const message = `${why.message}; nor can it wait in the outbox: ${describe(cause)}`;
      throw new SidecarError(why.code, message, { cause: why, field: why.field });
    }
    this.#waiting = { changes: [...changes, entry], last: last + 1 };
    const what = change.do === "write"
      ? change.writes.map((it) => it.name).join(", ")
      : `the removal of ${change.name}`;
    events.emit({
      level: "warn",
      name: "vault.waits",
      text: `The vault is away: ${what} waits, sealed, in the outbox (${describe(why)})`,
      fields: { code: why.code, waiting: changes.length + 1 },
    });
  }

  /** Resolves when nothing waits any more. */
  async #drained(call: Call): Promise<void> {
    if (this.#waiting?.changes.length === 0) return;
    await this.#inTurn(async () => {
      const { outbox, vault } = this.#it;
      const { changes, last } = await this.#read(call);
      for (const [i, entry] of changes.entries()) {
        await carryOut(vault, entry, call);
        await outbox.remove(entry.id, call);
        this.#waiting = { changes: changes.slice(i + 1), last };
      }
    });
  }

  async #read(call: Call): Promise<Waiting> {
    this.#waiting ??= await readWaiting(this.#it, call);
    return this.#waiting;
  }

  /** The newest change that waits for the name, where there is one. */
  #waitingFor(name: VaultName): { readonly secret?: Secret } | undefined {
    for (const entry of this.#waiting?.changes.toReversed() ?? []) {
      if (entry.do === "remove" && entry.name === name) return {};
      const write = entry.do === "write" ? entry.writes.find((it) => it.name === name) : undefined;
      if (write !== undefined) return { secret: { value: write.value, version: 0, createdAt: entry.at } };
    }
    return undefined;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {}); // whoever waits for it is told
    return mine;
  }
}

/** Values as the vault will keep them: that is what is read while they wait. */
function ready(change: Change): Change {
  return change.do === "write" ? { do: "write", writes: readyWrites(change.writes) } : change;
}

/** Writes what waited, unless it had arrived although nobody was told. */
async function carryOut(vault: Vault, change: Change, call: Call): Promise<void> {
  if (change.do === "remove") return void await vault.remove(change.name, call);
  for (let tries = 1;; tries++) {
    const now = await Promise.all(change.writes.map(({ name }) => vault.read(name, call)));
    if (change.writes.every(({ value }, i) => now[i]?.value === normaliseValue(value))) return;
    try {
      const writes = change.writes.map((it, i) => ({ ...it, ifVersion: now[i]?.version ?? 0 }));
      return await vault.write(writes, call);
    } catch (error) {
      if (!(error instanceof SidecarError) || error.code !== "CONFLICT" || tries === TRIES) throw error;
    }
  }
}
