import { SidecarError } from "../model/errors.ts";
import type { Call, Json, Ledger, LedgerChange, LedgerEntry } from "../ports.ts";

/** A record as the ledger has it. */
export interface Row<T> {
  /** The record, as its reader made it. */
  readonly value: T;
  /** Of the ledger, for `ifVersion`. */
  readonly version: number;
}

/** Records of one kind in the ledger. An entry that cannot be read rejects with its key and field; it is never left out. */
export interface Table<T> {
  /** The record, or undefined where there is none. */
  get(id: string, call: Call): Promise<Row<T> | undefined>;
  /** Writes, on disk when it resolves, and returns the new version; `ifVersion` as in `Ledger.put`. */
  put(id: string, value: T, call: Call & { readonly ifVersion?: number }): Promise<number>;
  /** Removes the record; nothing happens where there is none. */
  remove(id: string, call: Call): Promise<void>;
  /** All records, sorted by id. */
  list(call: Call): Promise<readonly Listed<T>[]>;
  /** Ids of the records that change or go from now on, until the signal aborts. */
  watch(call: Call): AsyncIterable<string>;
}

/** A record as it is listed. */
export type Listed<T> = Row<T> & {
  /** Its id. */
  readonly id: string;
};

/**
 * Makes the table of the entries below `prefix`. Dates are kept as RFC 3339 texts, URLs as their href. Where the ledger tells
 * what is new, a list reads no more than that: the keeper looks at everything twice a minute.
 *
 * @param ledger Where the entries are.
 * @param prefix First part of their keys, without `/`.
 * @param read Reads a record from its JSON; throws with the field's name what it cannot read.
 */
export function table<T>(ledger: Ledger, prefix: string, read: (json: unknown) => T): Table<T> {
  const keyOf = (id: string): string => `${prefix}/${id}`;
  const row = ({ key, value, version }: LedgerEntry): Row<T> => ({ value: readable(key, value, read), version });
  const listed = (entry: LedgerEntry): Listed<T> => ({ id: entry.key.slice(keyOf("").length), ...row(entry) });
  let known: Shelf<T> | undefined;
  return {
    async get(id: string, call: Call): Promise<Row<T> | undefined> {
      const entry = await ledger.get(keyOf(id), call);
      return entry === undefined ? undefined : row(entry);
    },
    async put(id: string, value: T, call: Call & { readonly ifVersion?: number }): Promise<number> {
      const json = JSON.parse(JSON.stringify(value)) as Json;
      checkReadable(keyOf(id), json, read);
      return await ledger.put(keyOf(id), json, call);
    },
    remove: (id: string, call: Call) => ledger.remove(keyOf(id), call),
    async list(call: Call): Promise<readonly Listed<T>[]> {
      const before = known;
      const news = before === undefined ? undefined : await ledger.news?.(keyOf(""), before.version, call);
      const now = before === undefined || news === undefined
        ? undefined
        : grown(before, news.entries.map(listed), news.count);
      known = now ?? shelf((await ledger.list(keyOf(""), call)).map(listed));
      return known.rows;
    },
    watch(call: Call): AsyncIterable<string> {
      return idsOf(ledger.watch(keyOf(""), call), keyOf("").length);
    },
  };
}

/**
 * Joins the parts of an id: each is percent-encoded, so that a `/` inside a part is none between parts.
 *
 * @param parts An absent part is the same as an empty one.
 */
export function joinId(...parts: readonly (string | undefined)[]): string {
  return parts.map((part) => encodeURIComponent(part ?? "")).join("/");
}

async function* idsOf(changes: AsyncIterable<LedgerChange>, start: number): AsyncIterable<string> {
  for await (const { key } of changes) yield key.slice(start);
}

/** What was listed last; a list never changes one, for others may be looking at it. */
interface Shelf<T> {
  readonly rows: readonly Listed<T>[];
  /** Of the newest record. */
  readonly version: number;
}

function shelf<T>(rows: readonly Listed<T>[]): Shelf<T> {
  return { rows, version: rows.reduce((newest, row) => Math.max(newest, row.version), 0) };
}

/** The same with what is new; undefined where something was removed, for nobody says what. */
function grown<T>(before: Shelf<T>, fresh: readonly Listed<T>[], count: number): Shelf<T> | undefined {
  if (fresh.length === 0) return count === before.rows.length ? before : undefined;
  const rows = new Map([...before.rows, ...fresh].map((row) => [row.id, row]));
  if (rows.size !== count) return undefined;
  const sorted = [...rows.values()];
  if (rows.size > before.rows.length) sorted.sort((a, b) => a.id < b.id ? -1 : 1);
  return shelf(sorted);
}

function readable<T>(key: string, json: unknown, read: (json: unknown) => T): T {
  try {
    return read(json);
  } catch (cause) {
    throw new SidecarError("VAULT_UNAVAILABLE", `Cannot read the ledger's entry ${key}: ${reason(cause)}`, {
      cause,
      field: "ledger",
      todo: "restore the ledger from a backup, or remove the entry",
    });
  }
}

/** A record that could not be read again would stop every list of its table. */
function checkReadable(key: string, json: unknown, read: (json: unknown) => unknown): void {
  try {
    read(json);
  } catch (cause) {
    throw new TypeError(`Cannot write the ledger's entry ${key}: ${reason(cause)}`, { cause });
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
