/**
 * A disk below vault and ledger that fails as disks do. It keeps a journal of what was acknowledged, so that after a loss of
 * power the stores can be made anew of any part of it.
 *
 * @module
 */
import { memoryLedger } from "../../src/ledger/memory_ledger.ts";
import { SidecarError } from "../../src/model/errors.ts";
import type { Call, Clock, Json, Ledger, SecretWrite, Vault } from "../../src/ports.ts";
import type { VaultName } from "../../src/model/secret_name.ts";
import { memoryVault } from "../../src/vault/memory_vault.ts";
import { CALL } from "./fakes.ts";

/** One write that was acknowledged. */
export type DiskWrite =
  | { readonly do: "seal"; readonly writes: readonly SecretWrite[] }
  | { readonly do: "unseal"; readonly name: VaultName }
  | { readonly do: "put"; readonly key: string; readonly value: Json }
  | { readonly do: "remove"; readonly key: string };

/**
 * What becomes of a write. `arrives` is how many secrets of several come through before it fails: a vault without transactions.
 * Where the process dies, the write is not done, and nothing is written or read any more.
 */
export type Fate = "done" | "refused" | "done, and reported as failed" | "dies" | { readonly arrives: number };

/** Vault and ledger on one disk. They stay the same objects over a loss of power, as the addresses of stores do. */
export interface FaultyDisk {
  readonly ledger: Ledger;
  readonly vault: Vault;
  /** All that was acknowledged and is there. */
  readonly journal: readonly DiskWrite[];
  /** Decides about each further write: its number from here, from 1, and what it is. */
  decide(fate: (n: number, write: DiskWrite) => Fate): void;
  /** Every write is done again; a process that died is another one. */
  heal(): void;
  /** The process dies now. */
  die(): void;
  /** The power goes: what is there afterwards is made of these writes alone, in this order. */
  losePower(survived: readonly DiskWrite[]): Promise<void>;
}

/** Makes an empty disk that works. */
export function faultyDisk(clock: Clock): FaultyDisk {
  let stores = { ledger: memoryLedger(clock), vault: memoryVault(clock) };
  let journal: DiskWrite[] = [];
  let count = 0;
  let dead = false;
  let fateOf: (n: number, write: DiskWrite) => Fate = () => "done";

  const alive = <T>(work: () => T): T => {
    if (dead) throw full();
    return work();
  };
  const written = async <T>(write: DiskWrite, work: () => Promise<T>): Promise<T> => {
    const fate = alive(() => fateOf(++count, write));
    dead ||= fate === "dies";
    if (fate === "refused" || fate === "dies") throw full();
    if (typeof fate === "object" && write.do === "seal") {
      const part: DiskWrite = { do: "seal", writes: write.writes.slice(0, fate.arrives) };
      journal.push(part);
      await stores.vault.write(part.writes, CALL);
      throw full();
    }
    const result = await work();
    journal.push(write);
    if (fate !== "done") throw full();
    return result;
  };

  return {
    get journal(): readonly DiskWrite[] {
      return journal;
    },
    decide(fate): void {
      count = 0;
      fateOf = fate;
    },
    heal(): void {
      dead = false;
      fateOf = () => "done";
    },
    die: () => void (dead = true),
    async losePower(survived): Promise<void> {
      stores = { ledger: memoryLedger(clock), vault: memoryVault(clock) };
      journal = [...survived];
      for (const write of survived) await again(stores, write);
    },
    ledger: {
      get: async (key, call) => await alive(() => stores.ledger.get(key, call)),
      list: async (prefix, call) => await alive(() => stores.ledger.list(prefix, call)),
      put: (key, value, call) => written({ do: "put", key, value }, () => stores.ledger.put(key, value, call)),
      remove: (key, call) => written({ do: "remove", key }, () => stores.ledger.remove(key, call)),
      watch: (prefix, call) => stores.ledger.watch(prefix, call),
      lease: (name, ttlMs, call) => stores.ledger.lease(name, ttlMs, call),
      [Symbol.asyncDispose]: () => stores.ledger[Symbol.asyncDispose](),
    },
    vault: {
      // Reads go on on a full disk: what is ordered is found out by the ledger's own write.
      ready: async (call) => await alive(() => stores.vault.ready(call)),
      list: async (call) => await alive(() => stores.vault.list(call)),
      read: async (name, call) => await alive(() => stores.vault.read(name, call)),
      history: async (name, call) => await alive(() => stores.vault.history(name, call)),
      write: (writes: readonly SecretWrite[], call: Call) =>
        written({ do: "seal", writes }, () => stores.vault.write(writes, call)),
      remove: (name, call) => written({ do: "unseal", name }, () => stores.vault.remove(name, call)),
      [Symbol.asyncDispose]: () => stores.vault[Symbol.asyncDispose](),
    },
  };
}

/** Names a write without what differs from run to run, for example `put orders` or `seal LE_CERTIFICATE_a_BUNDLE`. */
export function nameOf(write: DiskWrite): string {
  switch (write.do) {
    case "seal":
      return `seal ${write.writes.map(({ name }) => kindOf(name)).join(" ")}`;
    case "unseal":
      return `unseal ${kindOf(write.name)}`;
    case "put":
    case "remove":
      return `${write.do} ${write.key.split("/")[0]}`;
  }
}

function kindOf(name: VaultName): string {
  return name.replace(/(?<=^\.order-key)\..*/, "");
}

/** Versions that were expected then are not asked for again: others may be missing. */
async function again({ ledger, vault }: { ledger: Ledger; vault: Vault }, write: DiskWrite): Promise<void> {
  switch (write.do) {
    case "seal":
      return await vault.write(write.writes.map(({ name, value }) => ({ name, value })), CALL);
    case "unseal":
      return void await vault.remove(write.name, CALL);
    case "put":
      return void await ledger.put(write.key, write.value, CALL);
    case "remove":
      return await ledger.remove(write.key, CALL);
  }
}

function full(): SidecarError {
  return new SidecarError("VAULT_UNAVAILABLE", "Cannot write the database /data/vault.db: database or disk is full", {
    field: "VAULT_URL",
    todo: "look at the file, its folder and the disk",
  });
}
