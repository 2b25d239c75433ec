/**
 * `deno task soak`: kills the sidecar at every write of an issuance beside a real HAProxy, once for each seed and CA (Pebble and the test authority), and
 * prints for each step what came of it. Then, as root, it fills the disks of a sidecar that renews (`disk_run.ts`). `--seeds=3`
 * plays the seeds 1 to 3, `--seed=7` that one. Ends with 1 if there was any damage.
 *
 * @module
 */
import { killAtWrites, type KillPlan, type KillRow } from "../../test/support/kill_run.ts";
import { markdown } from "../bench/report.ts";
import { ensureParts } from "../parts.ts";
import { type DiskRow, diskTable, fillDisks } from "./disk_run.ts";
import { killPlan, killTable } from "./kill_plan.ts";
import { canMount, unmountAll } from "./small_disk.ts";

const CAS = ["pebble", "test authority"] as const;

/** They mostly wait. */
const SIDE_BY_SIDE = 4;

/** Reads the arguments, or refuses them. */
export function parseSeeds(args: readonly string[]): readonly number[] {
  if (args.length === 0) return upTo(10);
  const [, what, digits] = /^--(seeds?)=([1-9]\d{0,3})$/.exec(args[0] ?? "") ?? [];
  if (args.length > 1 || digits === undefined) {
    throw new RangeError(
      `Cannot soak with "${args.join(" ")}": use --seeds=N for the seeds 1 to N, or --seed=N for one`,
    );
  }
  return what === "seed" ? [Number(digits)] : upTo(Number(digits));
}

function upTo(last: number): readonly number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}

async function soak(seeds: readonly number[]): Promise<number> {
  await ensureParts(["haproxy", "pebble", "pebble-challtestsrv"]);
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
  const disks = await soakDisks(seeds);
  return [...rows, ...disks].some(({ damage }) => damage.size > 0) ? 1 : 0;
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
    Deno.exit(await soak(parseSeeds(Deno.args)));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
