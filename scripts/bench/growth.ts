/**
 * Row `growth`: memory and stores over 100,000 renewals in virtual time, the keeper over memory stores, the keys and
 * certificates real.
 *
 * @module
 */
import { longRun } from "../../test/support/long_run.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import { collectGarbage, rssMb } from "./measure.ts";
import { atMost, figures, short, type Table } from "./report.ts";

/** `growth` */
export const growthRow: BenchRow = { title: "Memory over 100,000 renewals", measure };

const CERTIFICATES = 20;
/** From the first mark to the last. */
const FLAT = 1.1;

/** How it stands after so many certificates. */
interface Mark {
  readonly issued: number;
  readonly years: number;
  readonly entries: number;
  readonly heapMb: number;
  readonly rssMb: number;
}

async function measure({ quick, say }: BenchOptions): Promise<readonly Table[]> {
  const run = await longRun(CERTIFICATES);
  const marks: Mark[] = [];
  for (const goal of quick ? [5_000, 7_500, 10_000] : [10_000, 50_000, 100_000]) {
    while (run.issued() < goal) await run.round();
    say(`${run.issued()} certificates, ${short(run.years())} years`);
    const entries = Object.values(await run.entries()).reduce((sum, count) => sum + count, 0);
    const collected = collectGarbage();
    const { heapUsed } = Deno.memoryUsage();
    if (!collected) say("for figures of worth: deno task bench, which lets garbage be collected");
    marks.push({
      issued: run.issued(),
      years: run.years(),
      entries,
      heapMb: heapUsed / 2 ** 20,
      rssMb: rssMb(Deno.pid),
    });
  }
  const grown = (of: (mark: Mark) => number): number => of(marks.at(-1)!) / of(marks[0]!);
  const ratio = (what: string, value: number) => ({ what, measured: value.toFixed(2), goal: atMost(value, FLAT) });
  return [
    {
      note: `${CERTIFICATES} certificates at a time; each round one of them goes and another one comes.`,
      columns: ["certificates", "years", "entries in the ledger", "heap, MB", "RSS, MB"],
      rows: marks.map((it) => [String(it.issued), ...[it.years, it.entries, it.heapMb, it.rssMb].map(short)]),
    },
    figures([
      ratio("heap, last to first", grown((it) => it.heapMb)),
      ratio("RSS, last to first", grown((it) => it.rssMb)),
      ratio("entries, last to first", grown((it) => it.entries)),
    ]),
  ];
}
