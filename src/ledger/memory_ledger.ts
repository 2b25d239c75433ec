import { atOnce } from "../model/at_once.ts";
import { given } from "../model/shape.ts";
import type { Call, Clock, Json, Ledger, LedgerEntry } from "../ports.ts";
import { changeHub } from "./change_hub.ts";
import { checkEntryVersion } from "./entry_version.ts";
import { leases } from "./leases.ts";

/** Values are kept as text, so that nobody holds a part of another's entry. */
interface Kept {
  readonly json: string;
  readonly version: number;
}

/** A ledger for tests and trials: as good as the embedded one until the process ends. */
export function memoryLedger(clock: Clock): Ledger {
  const tables = new Map<string, Map<string, Kept>>(); // a list need not look through the others'
  const hub = changeHub();
  let version = 0;
  let token = 0;
  const granted = leases(clock, () => ++token);

  /** All keys of a table begin with its name and `/`; the others are together. */
  const tableOf = (key: string): Map<string, Kept> =>
    tables.getOrInsertComputed(key.slice(0, key.indexOf("/") + 1), () => new Map());
  const find = (key: string): Kept | undefined => tableOf(key).get(key);
  /** Goes through what is below the prefix, in no order. */
  const below = function* (prefix: string): Iterable<readonly [string, Kept]> {
    for (const table of prefix.includes("/") ? [tableOf(prefix)] : tables.values()) {
      for (const it of table) if (it[0].startsWith(prefix)) yield it;
    }
  };

  const change = (key: string, json?: string): number => {
    version++;
    if (json === undefined) tableOf(key).delete(key);
    else tableOf(key).set(key, { json, version });
    hub.publish({ key, version, ...given("value", json === undefined ? undefined : JSON.parse(json) as Json) });
    return version;
  };

  return {
    get: (key: string, call: Call) =>
      atOnce(call, () => {
        const kept = find(key);
        return kept === undefined ? undefined : entry(key, kept);
      }),
    put: (key: string, value: Json, call: Call & { readonly ifVersion?: number }) =>
      atOnce(call, () => {
        checkEntryVersion(key, call.ifVersion, find(key)?.version ?? 0);
        return change(key, JSON.stringify(value));
      }),
    remove: (key: string, call: Call) => atOnce(call, () => void (find(key) !== undefined && change(key))),
    list: (prefix: string, call: Call) => atOnce(call, () => entries(below(prefix))),
    news: (prefix: string, version: number, call: Call) =>
      atOnce(call, () => {
        let count = 0;
        const fresh: (readonly [string, Kept])[] = [];
        for (const it of below(prefix)) {
          count++;
          if (it[1].version > version) fresh.push(it);
        }
        return { entries: entries(fresh), count };
      }),
    watch: (prefix: string, call: Call) => hub.watch(prefix, call),
    lease: (name: string, ttlMs: number, call: Call) => granted.take(name, ttlMs, call),
    [Symbol.asyncDispose](): Promise<void> {
      hub.close();
      granted.close();
      return Promise.resolve();
    },
  };
}

function entries(kept: Iterable<readonly [string, Kept]>): readonly LedgerEntry[] {
  return [...kept].sort(([a], [b]) => a < b ? -1 : 1).map(([key, it]) => entry(key, it));
}

function entry(key: string, { json, version }: Kept): LedgerEntry {
  return { key, value: JSON.parse(json) as Json, version };
}
