import type { CertificateRecord, Intent } from "../model/records.ts";
import type { Table } from "../ledger/table.ts";
import type { Call } from "../ports.ts";
import { isOpen } from "./answers.ts";
import type { FlowParts } from "./parts.ts";

/** Forgets what the ledger still knows of certificates and balancers that are gone: else it grows for ever. */
export interface Sweep {
  /** Looks once a day; `certificates` are all that are written down, `declared` what is wanted beside them. */
  look(certificates: readonly CertificateRecord[], declared: readonly Intent[], call: Call): Promise<void>;
}

const DAY_MS = 86_400_000;
/** A person may come back to what failed, or to what he has authorized. */
const KEPT_MS = 365 * DAY_MS;

/** Makes a {@linkcode Sweep}. */
export function sweep(parts: FlowParts): Sweep {
  const { records, balancers, clock } = parts;
  let sweptAt: number | undefined;

  const round = async (intents: readonly Intent[], now: Date, call: Call): Promise<void> => {
    const old = (at: Date): boolean => now.getTime() - at.getTime() > KEPT_MS;
    const secrets = new Map(intents.map((it) => [it.secretName as string, it]));
    const names = new Set(intents.flatMap((it) => it.names));
    await removeWhere(records.attempts, (it, id) => !secrets.has(id) && old(it.lastAt), call);
    await removeWhere(records.authorizations, (it) => {
      return !names.has(it.name) && !it.presented && !isOpen(it, now) && old(it.expires ?? it.createdAt);
    }, call);
    await removeWhere(records.deployments, ({ balancer, secretName, at }) => {
      const wanted = balancers.has(balancer) || secrets.get(secretName)?.balancers.includes(balancer);
      return !wanted && old(at);
    }, call);
  };

  return {
    async look(certificates, declared, call): Promise<void> {
      const now = clock.now();
      if (sweptAt !== undefined && Math.abs(now.getTime() - sweptAt) < DAY_MS) return;
      sweptAt = now.getTime();
      const orders = (await records.orders.list(call)).map((entry) => entry.value);
      const asides = (await records.asides.list(call)).map((entry) => entry.value);
      const intents = [...certificates, ...asides, ...orders].flatMap((it) => it.intent ?? []);
      await round([...intents, ...declared], now, call);
    },
  };
}

async function removeWhere<T>(table: Table<T>, isOver: (record: T, id: string) => boolean, call: Call): Promise<void> {
  const over = (await table.list(call)).filter(({ id, value }) => isOver(value, id));
  await Promise.all(over.map(({ id }) => table.remove(id, call)));
}
