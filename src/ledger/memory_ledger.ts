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
  const entries = new Map<string, Kept>();
  const hub = changeHub();
  let version = 0;
  let token = 0;
  const granted = leases(clock, () => ++token);

  const change = (key: string, json?: string): number => {
    version++;
    if (json === undefined) entries.delete(key);
    else entries.set(key, { json, version });
    hub.publish({ key, version, ...given("value", json === undefined ? undefined : JSON.parse(json) as Json) });
    return version;
  };

  return {
    get: (key: string, call: Call) => atOnce(call, () => entry(key, entries.get(key))),
    put: (key: string, value: Json, call: Call & { readonly ifVersion?: number }) =>
      atOnce(call, () => {
        checkEntryVersion(key, call.ifVersion, entries.get(key)?.version ?? 0);
        return change(key, JSON.stringify(value));
      }),
    remove: (key: string, call: Call) => atOnce(call, () => void (entries.has(key) && change(key))),
    list: (prefix: string, call: Call) =>
      atOnce(call, () =>
        [...entries.keys()].filter((key) => key.startsWith(prefix)).sort()
          .flatMap((key) => entry(key, entries.get(key)) ?? [])),
    watch: (prefix: string, call: Call) => hub.watch(prefix, call),
    lease: (name: string, ttlMs: number, call: Call) => granted.take(name, ttlMs, call),
    [Symbol.asyncDispose](): Promise<void> {
      hub.close();
      granted.close();
      return Promise.resolve();
    },
  };
}

function entry(key: string, kept: Kept | undefined): LedgerEntry | undefined {
  return kept === undefined ? undefined : { key, value: JSON.parse(kept.json) as Json, version: kept.version };
}
