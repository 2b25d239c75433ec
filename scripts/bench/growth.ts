/**
 * Row `growth`: memory and stores over 100,000 renewals in virtual time, the keeper over memory stores, the keys and
 * certificates real.
 *
 * @module
 */
import { type LongRun, longRun } from "../../test/support/long_run.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import { collectAllGarbage, median, rssMb } from "./measure.ts";
import { atMost, figures, short, type Table } from "./report.ts";

/** `growth` */
export const growthRow: BenchRow = { title: "Memory over 100,000 renewals", measure };

const CERTIFICATES = 20;
/** It is looked at so often on the way. */
const MARKS = 10;
/** What a process takes from the system goes up and down by a fifth: some marks together count, at the end and at the beginning. */
const TOGETHER = 3;
/** From the first marks to the last. */
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
  const step = (quick ? 10_000 : 100_000) / MARKS;
  const marks: Mark[] = [];
  for (let goal = step; marks.length < MARKS; goal += step) {
    while (run.issued() < goal) await run.round();
    say(`${run.issued()} certificates, ${short(run.years())} years`);
    if (!await collectAllGarbage()) say("for figures of worth: deno task bench, which lets garbage be collected");
    marks.push(await markOf(run));
  }
  const ratio = (what: string, of: (mark: Mark) => number) => {
    const value = median(marks.slice(-TOGETHER).map(of)) / median(marks.slice(0, TOGETHER).map(of));
    return {
      what: `${what}, the last ${TOGETHER} to the first`,
      measured: value.toFixed(2),
      goal: atMost(value, FLAT),
    };
  };
  return [
    {
      note: `${CERTIFICATES} certificates at a time; each round one of them goes and another one comes.`,
      columns: ["certificates", "years", "entries in the ledger", "heap, MB", "RSS, MB"],
      rows: marks.map((it) => [String(it.issued), ...[it.years, it.entries, it.heapMb, it.rssMb].map(short)]),
    },
    figures([
      ratio("heap", (it) => it.heapMb),
      ratio("RSS", (it) => it.rssMb),
      ratio("entries", (it) => it.entries),
    ]),
  ];
}

async function markOf(run: LongRun): Promise<Mark> {
  return {
    issued: run.issued(),
    years: run.years(),
    entries: Object.values(await run.entries()).reduce((sum, count) => sum + count, 0),
    heapMb: Deno.memoryUsage().heapUsed / 2 ** 20,
    rssMb: rssMb(Deno.pid),
  };
}
