import { describe } from "../model/errors.ts";
import { outboxName, type VaultName } from "../model/secret_name.ts";
import { instant, list, object, oneOf, text } from "../model/shape.ts";
import type { Call, Events, Outbox, OutboxEntry, SecretWrite } from "../ports.ts";
import type { Sealer } from "./seal.ts";

/** A change of the vault that was not made yet. */
export type Change =
  | { readonly do: "write"; readonly writes: readonly SecretWrite[] }
  | { readonly do: "remove"; readonly name: VaultName };

/** One that waits. */
export type Pending = Change & { readonly id: string; readonly at: Date };

/** Seals a change as the entry that it will be: it cannot stand in for another one. */
export function sealPending(sealer: Sealer, { id, ...change }: Pending): Promise<Uint8Array<ArrayBuffer>> {
  return sealer.seal(outboxName(id), 1, JSON.stringify(change));
}

/** What an outbox holds. */
export interface Waiting {
  /** What waits, oldest first. */
  readonly changes: readonly Pending[];
  /** The number of the newest entry, also of one that could not be read. */
  readonly last: number;
}

/** Reads what waits. An entry that cannot be opened is told and left where it is. */
export async function readWaiting(
  { outbox, sealer, events }: { readonly outbox: Outbox; readonly sealer: Sealer; readonly events: Events },
  call: Call,
): Promise<Waiting> {
  const entries = await outbox.list(call);
  const read = await Promise.all(entries.map(async (entry) => {
    try {
      return [await open(sealer, entry)];
    } catch (error) {
      const text = `An entry of the outbox cannot be read and is left there: ${entry.id}: ${describe(error)}`;
      events.emit({ level: "error", name: "vault.outbox", text });
      return [];
    }
  }));
  return { changes: read.flat(), last: Math.max(0, ...entries.map(({ id }) => Number(id) || 0)) };
}

async function open(sealer: Sealer, { id, sealed }: OutboxEntry): Promise<Pending> {
  const json = await sealer.open(outboxName(id), 1, sealed);
  const it = object(JSON.parse(json), "entry");
  const about = { id, at: instant(it, "at") };
  if (oneOf(it, "do", ["write", "remove"]) === "remove") {
    return { ...about, do: "remove", name: text(it, "name") as VaultName };
  }
  const writes = list(it, "writes").map((value) => object(value, "write"));
  return {
    ...about,
    do: "write",
    writes: writes.map((write) => ({ name: text(write, "name") as VaultName, value: text(write, "value") })),
  };
}
