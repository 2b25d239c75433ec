/**
 * Row `windows`: two years of ten thousand certificates at a CA that names windows, in virtual time, with a machine that is
 * restarted and suspended, a clock that is wrong and a CA that goes away.
 *
 * @module
 */
import { simulateRenewals } from "../../test/support/renewal_simulation.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import { atMost, type Figure, figures, short, type Table } from "./report.ts";

/** `windows` */
export const windowsRow: BenchRow = { title: "Renewed in the CA's window, two years of 10,000 certificates", measure };

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Percent of all renewals whose window found the CA and the machine there. */
const INSIDE = 99.9;

function measure({ quick, say }: BenchOptions): Promise<readonly Table[]> {
  const certificates = quick ? 1_000 : 10_000;
  say(`${certificates} certificates`);
  const begin = performance.now();
  const it = simulateRenewals({
    seed: 3,
    certificates,
    days: 730,
    lifetimesMs: [90 * DAY, 45 * DAY, 45 * DAY, 90 * DAY, 45 * DAY, 160 * HOUR],
    askAfterMs: DAY,
  });
  const tookMs = performance.now() - begin;
  const inside = 100 * it.inside / (it.renewals - it.impossible - it.recalled);
  return Promise.resolve([figures([
    { what: "renewals", measured: String(it.renewals) },
    {
      what: "inside the window at the CA's clock, %",
      measured: inside.toFixed(3),
      goal: { text: `at least ${INSIDE}`, met: inside >= INSIDE },
    },
    { what: "windows in which the CA or the machine was away", measured: String(it.impossible) },
    none("expired though the CA and the machine were there in time", it.neglected),
    { what: "expired while one of them was away to the end", measured: String(it.expired - it.neglected) },
    none("renewed twice", it.doubled),
    none("questions before the CA's Retry-After", it.hasty),
    { what: `longest from a recall (${it.recalled}) to its renewal, s`, measured: short(it.slowestRecallMs / 1_000) },
    { what: "real time, s", measured: short(tookMs / 1_000) },
  ])]);
}

function none(what: string, count: number): Figure {
  return { what, measured: String(count), goal: atMost(count, 0, "0") };
}
