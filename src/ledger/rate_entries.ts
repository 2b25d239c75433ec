import type { RateRecord } from "../model/records.ts";
import type { Call } from "../ports.ts";
import type { Table } from "./table.ts";

/**
 * The records about limits in memory, written through: what is put is seen at once, so that a look and the put that follows
 * from it are one step, and is on disk when the put resolves. Only the process that holds the ledger may do so.
 */
export interface RateEntries {
  /** Reads the ledger, once; has to have resolved before anything else is asked. */
  load(call: Call): Promise<void>;
  /** The record of now. */
  get(id: string): RateRecord | undefined;
  /** Replaces it; the record is seen even if the write then fails. */
  put(id: string, record: RateRecord, call: Call): Promise<void>;
  /** Removes it; nothing happens where there is none. */
  remove(id: string, call: Call): Promise<void>;
  /** Removes all records that say nothing any more. */
  sweep(isOver: (record: RateRecord, id: string) => boolean, call: Call): Promise<void>;
}

/**
 * Makes {@linkcode RateEntries}.
 *
 * @param prefix Beginning of the ids that are ours.
 * @param taken What becomes of a record that an earlier process left; the same object where it stays as it is.
 */
export function rateEntries(
  table: Table<RateRecord>,
  prefix: string,
  taken: (id: string, record: RateRecord) => RateRecord,
): RateEntries {
  const entries = new Map<string, RateRecord>();
  let loaded: Promise<void> | undefined;

  const read = async (call: Call): Promise<void> => {
    const left = (await table.list(call)).filter(({ id }) => id.startsWith(prefix));
    await Promise.all(left.map(async ({ id, value }) => {
      const record = taken(id, value);
      if (record !== value) await table.put(id, record, call);
      entries.set(id, record);
    }));
  };
  const remove = async (id: string, call: Call): Promise<void> => {
    if (entries.delete(id)) await table.remove(id, call);
  };

  return {
    async load(call: Call): Promise<void> {
      const mine = loaded ??= read(call);
      try {
        await mine;
      } catch (error) {
        if (loaded === mine) loaded = undefined; // the next one tries again
        throw error;
      }
    },
    get: (id) => entries.get(id),
    async put(id: string, record: RateRecord, call: Call): Promise<void> {
      entries.set(id, record);
      await table.put(id, record, call);
    },
    remove,
    async sweep(isOver, call: Call): Promise<void> {
      const over = [...entries].filter(([id, record]) => isOver(record, id)).map(([id]) => id);
      await Promise.all(over.map((id) => remove(id, call)));
    },
  };
}
