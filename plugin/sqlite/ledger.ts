import { type Fields, number, text } from "../../src/model/shape.ts";
import { atOnce } from "../../src/model/at_once.ts";
import type { Call, Clock, Json, Ledger, LedgerEntry } from "../../src/ports.ts";
import { changeHub, checkEntryVersion, leases } from "../../mod.ts";
import { groupCommit } from "./group_commit.ts";
import type { SqliteStore } from "./store.ts";

/**
 * The embedded ledger. The store belongs to this process alone, so watchers are told and leases are kept in memory; only
 * their tokens are on disk, that they grow over restarts. Disposing it ends both and leaves the store open.
 */
export function sqliteLedger(store: SqliteStore, clock: Clock): Ledger {
  const hub = changeHub();
  const commits = groupCommit(store);
  const granted = leases(clock, (name) => store.transaction(() => countUp(store, `lease/${name}`)));

  return {
    get: (key: string, call: Call) =>
      atOnce(call, () => {
        const row = store.get(GET, key);
        return row === undefined ? undefined : entry(row);
      }),
    async put(key: string, value: Json, call: Call & { readonly ifVersion?: number }): Promise<number> {
      call.signal.throwIfAborted();
      const json = JSON.stringify(value);
      const version = await commits.write(() => put(store, key, json, call.ifVersion));
      hub.publish({ key, value: JSON.parse(json) as Json, version });
      return version;
    },
    async remove(key: string, call: Call): Promise<void> {
      call.signal.throwIfAborted();
      const version = await commits.write(() => store.run(REMOVE, key) > 0 ? countUp(store, CHANGES) : undefined);
      if (version !== undefined) hub.publish({ key, version });
    },
    list: (prefix: string, call: Call) => atOnce(call, () => store.all(LIST, prefix, `${prefix}${LAST}`).map(entry)),
    news: (prefix: string, version: number, call: Call) =>
      atOnce(call, () => ({
        entries: store.all(NEWS, prefix, `${prefix}${LAST}`, version).map(entry),
        count: number(store.get(COUNT, prefix, `${prefix}${LAST}`) ?? {}, "count"),
      })),
    watch: (prefix: string, call: Call) => hub.watch(prefix, call),
    lease: (name: string, ttlMs: number, call: Call) => granted.take(name, ttlMs, call),
    [Symbol.asyncDispose](): Promise<void> {
      commits.flush();
      hub.close();
      granted.close();
      return Promise.resolve();
    },
  };
}

const GET = "SELECT key, value, version FROM entries WHERE key = ?";
/** A range, so that the index answers; `LAST` sorts behind every character that a key goes on with. */
const LIST = "SELECT key, value, version FROM entries WHERE key >= ? AND key < ? ORDER BY key";
const LAST = "\u{10ffff}";
const NEWS = "SELECT key, value, version FROM entries WHERE key >= ? AND key < ? AND version > ? ORDER BY key";
const COUNT = "SELECT count(*) AS count FROM entries WHERE key >= ? AND key < ?";
const PUT = `
  INSERT INTO entries (key, value, version) VALUES (?, ?, ?)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version`;
const REMOVE = "DELETE FROM entries WHERE key = ?";
const COUNT_UP = `
  INSERT INTO counters (name, value) VALUES (?, 1)
  ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value`;
/** Name of the ledger's own version among the counters. */
const CHANGES = "changes";

function put(store: SqliteStore, key: string, json: string, ifVersion: number | undefined): number {
  const found = store.get(GET, key);
  checkEntryVersion(key, ifVersion, found === undefined ? 0 : number(found, "version"));
  const version = countUp(store, CHANGES);
  store.run(PUT, key, json, version);
  return version;
}

function countUp(store: SqliteStore, counter: string): number {
  return number(store.get(COUNT_UP, counter) ?? {}, "value");
}

function entry(row: Fields): LedgerEntry {
  return { key: text(row, "key"), value: JSON.parse(text(row, "value")) as Json, version: number(row, "version") };
}
