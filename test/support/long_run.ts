/**
 * Decades of renewals in virtual time over memory stores: short-lived certificates, one of which goes each time while another
 * comes, and the balancer is compared with the vault.
 *
 * @module
 */
import { presentedAnswers } from "../../src/flow/answers.ts";
import { keeper } from "../../src/flow/keeper.ts";
import { reconcile } from "../../src/flow/reconcile.ts";
import { parseDnsNames } from "../../src/model/dns_name.ts";
import { LETSENCRYPT_LIMITS } from "../../src/model/rate_limits.ts";
import type { Ledger } from "../../src/ports.ts";
import { CALL } from "./fakes.ts";
import { harness } from "./flow_harness.ts";

const HOUR = 3_600_000;
/** Of the shortest certificates that a public CA issues. */
const SHORTEST_MS = 160 * HOUR;

/** A run that goes on as long as it is asked to. */
export interface LongRun {
  /** Renews everything once, takes one certificate out and brings another one about. */
  round(): Promise<void>;
  /** Certificates that were issued so far. */
  issued(): number;
  /** Years that have passed. */
  years(): number;
  /** How many entries each table of the ledger has. */
  entries(): Promise<Readonly<Record<string, number>>>;
}

/** Starts one with so many certificates at a time. */
export async function longRun(certificates: number, lifetimeMs = SHORTEST_MS): Promise<LongRun> {
  const ledgers: Ledger[] = [];
  const it = await harness({
    forgetful: true,
    limits: LETSENCRYPT_LIMITS,
    lifetimesMs: [lifetimeMs],
    ledger: (ledger) => (ledgers.push(ledger), ledger),
  });
  const start = it.clock.now().getTime();
  const answers = presentedAnswers(it.parts);
  const keep = keeper(it.parts, it.service, answers, []);
  const watch = reconcile(it.parts, it.service, answers, []);
  const name = (i: number): string => `www.n${i}.example`;
  let next = 0;
  const add = async (): Promise<void> => {
    await it.service.request({ domains: parseDnsNames([name(next++)]) }, CALL);
  };
  for (let i = 0; i < certificates; i++) await add();
  return {
    async round(): Promise<void> {
      it.clock.move(lifetimeMs * 0.7);
      await keep.look(CALL);
      await watch.look(CALL);
      const failed = it.events.find((event) => event.level === "error");
      if (failed !== undefined) throw new Error(failed.text);
      for (const list of [it.events, it.swaps, it.removals]) list.length = 0;
      await it.service.removeCertificate(name(next - certificates), { force: true }, CALL);
      await add();
    },
    issued: () => it.authority.issued(),
    years: () => (it.clock.now().getTime() - start) / (365 * 24 * HOUR),
    async entries(): Promise<Readonly<Record<string, number>>> {
      const all = await ledgers[0]!.list("", CALL);
      const tables = Map.groupBy(all, ({ key }) => key.slice(0, key.indexOf("/")));
      return Object.fromEntries([...tables].map(([table, found]) => [table, found.length]));
    },
  };
}
