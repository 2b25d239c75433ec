/**
 * Row `kontena`: swaps on an unmodified Kontena Load Balancer, by file and reload, while visitors keep coming.
 *
 * @module
 */
import { startKontenaKit } from "../../test/support/kontena_kit.ts";
import { swapsUnderLoad } from "../../test/support/kontena_load.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import { median } from "./measure.ts";
import { atMost, figures, short, type Table } from "./report.ts";

/** `kontena` */
export const kontenaRow: BenchRow = {
  title: "Swap on the Kontena Load Balancer: file, revision, reload, probe",
  measure,
};

/** What the operator may expect, in milliseconds. */
const GOAL_MS = 5_000;

async function measure({ quick }: BenchOptions): Promise<readonly Table[]> {
  const swaps = quick ? 2 : 6;
  const requests = quick ? 200 : 2_000;
  await using kit = await startKontenaKit({ pollMs: 1_000 });
  const { tally, swapMs, during } = await swapsUnderLoad(kit, { swaps, requests });
  const slowest = Math.max(...swapMs);
  const failed = `${tally.failed} of ${tally.made}`;
  return [figures([
    { what: "swap and proof, median, ms", measured: short(median(swapMs)) },
    { what: "swap and proof, slowest, ms", measured: short(slowest), goal: atMost(slowest, GOAL_MS) },
    { what: "requests with new connections that failed", measured: failed, goal: atMost(tally.failed, 0, "0") },
    { what: "of them begun during a swap", measured: String(during) },
    { what: "slowest request, ms", measured: short(tally.slowestMs) },
  ], `${swaps} swaps one after the other; the balancer polls etcd each second, which is most of a swap's time.`)];
}
