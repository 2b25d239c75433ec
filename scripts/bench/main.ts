/**
 * `deno task bench`: measures, and prints each figure beside its goal. `--only=start,swap` takes some rows, `--quick` fewer
 * repetitions. A goal that is not met is no error; a row that cannot run is.
 *
 * @module
 */
import { ensureParts } from "../parts.ts";
import type { BenchRow } from "./bench_row.ts";
import { hundredRow, oneRow } from "./certificates.ts";
import { crowdRow } from "./crowd.ts";
import { cryptoRow } from "./crypto.ts";
import { growthRow } from "./growth.ts";
import { kontenaRow } from "./kontena.ts";
import { looksRow } from "./looks.ts";
import { ratesRow } from "./rates.ts";
import { reloadRow } from "./reload.ts";
import { markdown } from "./report.ts";
import { repairRow } from "./repair.ts";
import { requestsRow } from "./requests.ts";
import { rssRow, startRow } from "./start.ts";
import { swapRow } from "./swap.ts";
import { trafficRow } from "./traffic.ts";
import { windowsRow } from "./windows.ts";

/** All rows, in the order in which they are measured. */
const ROWS: Readonly<Record<string, BenchRow>> = {
  crypto: cryptoRow,
  requests: requestsRow,
  one: oneRow,
  hundred: hundredRow,
  swap: swapRow,
  repair: repairRow,
  reload: reloadRow,
  traffic: trafficRow,
  crowd: crowdRow,
  kontena: kontenaRow,
  rates: ratesRow,
  windows: windowsRow,
  looks: looksRow,
  growth: growthRow,
  start: startRow,
  rss: rssRow,
};

/** What was asked for. */
export interface BenchArguments {
  readonly quick: boolean;
  readonly rows: readonly string[];
}

/** Reads the arguments, or refuses them with the list of rows. */
export function parseArguments(args: readonly string[]): BenchArguments {
  const names = Object.keys(ROWS);
  const only = args.flatMap((arg) => /^--only=(.+)$/.exec(arg)?.[1]?.split(",") ?? []);
  const strange = [
    ...args.filter((arg) => arg !== "--quick" && !arg.startsWith("--only=")),
    ...only.filter((name) => !names.includes(name)),
  ];
  if (strange.length > 0) {
    throw new RangeError(`Cannot measure "${strange[0]}": use --quick and --only=${names.join(",")}`);
  }
  return { quick: args.includes("--quick"), rows: only.length > 0 ? only : names };
}

async function bench({ quick, rows }: BenchArguments): Promise<number> {
  await ensureParts(["haproxy", "pebble", "pebble-challtestsrv", "openssl", "lego", "etcd"]);
  let failed = 0;
  for (const name of rows) {
    const row = ROWS[name];
    if (row === undefined) continue;
    console.log(`\n## ${row.title}\n`);
    try {
      const tables = await row.measure({ quick, say: (line) => console.error(line) });
      console.log(tables.map(markdown).join("\n\n"));
    } catch (error) {
      failed++;
      // What failed first, not what failed while that was cleaned up.
      console.log(`Could not run: ${Deno.inspect(error instanceof SuppressedError ? error.suppressed : error)}`);
    }
  }
  return failed === 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exit(await bench(parseArguments(Deno.args)));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
