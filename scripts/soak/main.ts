/**
 * `deno task soak`: kills the sidecar at every write of an issuance beside a real HAProxy, once for each seed and CA (Pebble and the test authority), and
 * prints for each step what came of it. Then, as root, it fills the disks of a sidecar that renews (`disk_run.ts`). `--seeds=3`
 * plays the seeds 1 to 3, `--seed=7` that one. In the end a sidecar that renews, its CA, its vault and two HAProxies are disturbed
 * for a while (`drift_run.ts`), a quarter of an hour in all unless `--drift=MINUTES` says otherwise; `--only=drift` does just
 * that. Ends with 1 if there was any damage.
 *
 * @module
 */
import { killAtWrites, type KillPlan, type KillRow } from "../../test/support/kill_run.ts";
import { markdown } from "../bench/report.ts";
import { ensureParts } from "../parts.ts";
import { damageOf, drift, type DriftReport, driftTable } from "./drift_run.ts";
import { type DiskRow, diskTable, fillDisks } from "./disk_run.ts";
import { killPlan, killTable } from "./kill_plan.ts";
import { canMount, unmountAll } from "./small_disk.ts";

const CAS = ["pebble", "test authority"] as const;

/** They mostly wait. */
const SIDE_BY_SIDE = 4;

/** What was asked for. */
export interface SoakArguments {
  readonly seeds: readonly number[];
  /** How long the drift part disturbs, in all. */
  readonly driftMinutes: number;
  readonly onlyDrift: boolean;
}

/** Reads the arguments, or refuses them. */
export function parseArguments(args: readonly string[]): SoakArguments {
  let asked: SoakArguments = { seeds: upTo(10), driftMinutes: 15, onlyDrift: false };
  for (const arg of args) {
    const [, what, digits] = /^--(seeds?|drift)=(\d{1,4})$/.exec(arg) ?? [];
    const number = Number(digits);
    if (arg === "--only=drift") asked = { ...asked, onlyDrift: true };
    else if (what === "seed" && number > 0) asked = { ...asked, seeds: [number] };
    else if (what === "seeds" && number > 0) asked = { ...asked, seeds: upTo(number) };
    else if (what === "drift") asked = { ...asked, driftMinutes: number };
    else {
      throw new RangeError(
        `Cannot soak with "${arg}": use --seeds=N for the seeds 1 to N, --seed=N for one, --drift=MINUTES, --only=drift`,
      );
    }
  }
  return asked;
}

function upTo(last: number): readonly number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}

async function soak({ seeds, driftMinutes, onlyDrift }: SoakArguments): Promise<number> {
  await ensureParts(["haproxy", "pebble", "pebble-challtestsrv"]);
  const rows = onlyDrift ? [] : [...await soakDeaths(seeds), ...await soakDisks(seeds)];
  const drifts = await soakDrift(seeds, driftMinutes);
  const damaged = rows.some(({ damage }) => damage.size > 0);
  return damaged || drifts.some((it) => damageOf(it).length > 0) ? 1 : 0;
}

/** A share of the time for each seed; whole minutes are not asked for. */
async function soakDrift(seeds: readonly number[], minutes: number): Promise<readonly DriftReport[]> {
  const reports: DriftReport[] = [];
  if (minutes === 0) return reports;
  for (const seed of seeds) {
    const report = await drift(seed, minutes / seeds.length, (line) => console.error(line));
    reports.push(report);
    const damage = damageOf(report);
    const { restMs, repairMs } = report;
    const rest = `at rest after ${restMs} ms, and ${repairMs} ms after all was made wrong once more`;
    console.error(`  ${rest}${damage.length === 0 ? "" : `; wrong: ${damage.join(", ")}`}`);
  }
  console.log(markdown(driftTable(reports)));
  return reports;
}

async function soakDeaths(seeds: readonly number[]): Promise<readonly KillRow[]> {
  const rows: KillRow[] = [];
  const waiting = seeds.flatMap((seed) => CAS.map((ca) => ({ ca, seed })));
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const plan = killPlan(next.ca, next.seed);
      const mine = await killAtWrites(plan);
      rows.push(...mine);
      const which = `${next.ca}, seed ${next.seed}`;
      console.error(`${which}: ${mine.length} deaths (${plan.challenge}, ${whenOf(plan)})`);
      for (const { step, damage } of mine) {
        for (const [kind, found] of damage) console.error(`${which}, ${step}: ${kind}: ${Deno.inspect(found)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, lane));
  console.log(markdown(killTable(rows)));
  return rows;
}

async function soakDisks(seeds: readonly number[]): Promise<readonly DiskRow[]> {
  if (!canMount()) {
    console.error("small disks: left out, only root can mount them (a tmpfs)");
    return [];
  }
  for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    Deno.addSignalListener(signal, () => {
      unmountAll();
      Deno.exit(status);
    });
  }
  const rows: DiskRow[] = [];
  for (const seed of seeds) {
    const mine = await fillDisks(seed);
    rows.push(...mine);
    console.error(`small disks, seed ${seed}: ${mine.length} renewals`);
    for (const { full, damage } of mine) {
      for (const [kind, found] of damage) console.error(`seed ${seed}, ${full} full: ${kind}: ${Deno.inspect(found)}`);
    }
  }
  console.log(markdown(diskTable(rows)));
  return rows;
}

function whenOf({ moment, delayMs }: KillPlan): string {
  return delayMs === undefined ? `${moment} the write` : "some time after the write";
}

if (import.meta.main) {
  try {
    Deno.exit(await soak(parseArguments(Deno.args)));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
