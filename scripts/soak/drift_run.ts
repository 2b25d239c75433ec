/**
 * Two HAProxies that are reloaded, killed and disturbed at random, while their certificates are renewed by a CA with faults,
 * for a vault that is away now and then, by a sidecar that is killed. At the end all must be right, without a person; and the CA
 * was asked for no more than it had asked for itself.
 *
 * @module
 */
import { seeded } from "../../test/ca/random.ts";
import { until } from "../../test/support/process.ts";
import { pause } from "../bench/measure.ts";
import type { Table } from "../bench/report.ts";
import { miscounted, notHeld, notServed } from "./drift_checks.ts";
import { disturbAll, DISTURBANCES, type Former } from "./disturbances.ts";
import { NAMES, pathOf, type Scene, startScene } from "./drift_scene.ts";

/** Between two disturbances, at most. */
const SPACE_MS = 1_500;
/** The longest that it may take until all is right once nobody disturbs any more: four failures in a row rest for half a minute. */
const REST_MS = 180_000;

/** What happened, and what it led to. */
export interface DriftReport {
  /** How often each disturbance was played. */
  readonly played: ReadonlyMap<string, number>;
  /** Requests at the CA that a fault struck. */
  readonly struck: number;
  /** Renewals that the CA has asked for. */
  readonly recalled: number;
  /** Orders and certificates that the CA has made. */
  readonly made: { readonly orders: number; readonly certificates: number };
  /** Names that are not served, or not held by the vault, as they should be in the end, or were issued too often. */
  readonly wrong: readonly string[];
  /** Repairs that the sidecar told of. */
  readonly repairs: number;
  /** Milliseconds from the last disturbance until all was right. */
  readonly restMs: number;
  /** Milliseconds until all was right once more, after every certificate of both was made wrong at once. */
  readonly repairMs: number;
}

/** Disturbs for so many minutes, then lets it come to rest. */
export async function drift(seed: number, minutes: number, say: (line: string) => void): Promise<DriftReport> {
  await using scene = await startScene(`drift ${seed}`);
  await until("all are served at first", () => isRight(scene), REST_MS);
  const former = await renewAll(scene);
  const { played, struck } = await disturb({ ...scene, former }, seed, minutes);
  say(
    `drift, seed ${seed}: ${[...played.values()].reduce((a, b) => a + b, 0)} disturbances, ${struck} faults of the CA`,
  );
  const restMs = await restOf(scene);
  await disturbAll({ ...scene, former }); // nothing but the loop puts this right
  const repairMs = await restOf(scene);
  const wrong = [...await notServed(scene), ...await endOf(scene), ...miscounted(scene)];
  const report: DriftReport = {
    played,
    struck,
    recalled: scene.recalled.size,
    made: { orders: scene.authority.counters.orders, certificates: scene.authority.certificates.length },
    wrong,
    repairs: scene.told("balancer.drift"),
    restMs,
    repairMs,
  };
  if (damageOf(report).length > 0) await keepLog(scene, say);
  return report;
}

/** @returns Milliseconds until all is right; what is still wrong when it has been waited for long is counted later. */
async function restOf(scene: Scene): Promise<number> {
  const begin = Date.now();
  await until("all is right again", () => isRight(scene), REST_MS).catch(() => {});
  return Date.now() - begin;
}

/** So that there is an old certificate of each name, which would be wrong. @returns Those, PEM, by name. */
async function renewAll(scene: Scene): Promise<Map<string, string>> {
  const former = new Map<string, string>();
  for (const name of NAMES) {
    former.set(name, await Deno.readTextFile(pathOf(scene.haproxies[0]!, name)));
    scene.recall(name);
  }
  await until("all are renewed", () => isRight(scene), REST_MS);
  return former;
}

async function endOf(scene: Scene): Promise<readonly string[]> {
  const left = await scene.end();
  if (typeof left === "number") return [`the sidecar ended with ${left}`];
  await using stores = left;
  return await notHeld(scene, stores);
}

/** For whoever looks into it. */
async function keepLog(scene: Scene, say: (line: string) => void): Promise<void> {
  const file = await Deno.makeTempFile({ prefix: "drift-", suffix: ".log" });
  await Deno.writeTextFile(file, scene.log());
  say(`  what the sidecar wrote is in ${file}`);
}

async function disturb(
  scene: Scene & Former,
  seed: number,
  minutes: number,
): Promise<Pick<DriftReport, "played" | "struck">> {
  const random = seeded(`drift ${seed}`);
  const played = new Map<string, number>();
  const names = Object.keys(DISTURBANCES);
  for (const end = Date.now() + minutes * 60_000; Date.now() < end;) {
    const name = names[random.below(names.length)]!;
    await DISTURBANCES[name]!(scene, scene.haproxies[random.below(scene.haproxies.length)]!, random);
    played.set(name, (played.get(name) ?? 0) + 1);
    await pause(random.below(SPACE_MS));
  }
  scene.authority.faults.clear();
  return { played, struck: scene.authority.log.filter(({ faults = [] }) => faults.length > 0).length };
}

/** Everything that was asked for is issued, and served by both. */
async function isRight(scene: Scene): Promise<boolean> {
  const wanted = NAMES.length + scene.recalled.size;
  return scene.authority.certificates.length >= wanted && (await notServed(scene)).length === 0;
}

/** What there should not be: orders and certificates that nobody asked for, a renewal that is missing, a name that is wrong. */
export function damageOf({ made, recalled, wrong }: DriftReport): readonly string[] {
  const wanted = NAMES.length + recalled;
  return [
    ...made.orders === wanted ? [] : [`${made.orders} orders for ${wanted} certificates`],
    ...made.certificates === wanted ? [] : [`${made.certificates} certificates in place of ${wanted}`],
    ...wrong,
  ];
}

/** What happened, as a table. */
export function driftTable(reports: readonly DriftReport[]): Table {
  const sum = (of: (report: DriftReport) => number): number => reports.reduce((total, it) => total + of(it), 0);
  const names = [...new Set(reports.flatMap(({ played }) => [...played.keys()]))].sort();
  const wanted = ({ recalled }: DriftReport): number => NAMES.length + recalled;
  return {
    columns: [`two HAProxies, ${NAMES.length} certificates`, "count"],
    rows: [
      ...names.map((name) => [name, String(sum(({ played }) => played.get(name) ?? 0))]),
      ["requests at the CA that a fault struck", String(sum(({ struck }) => struck))],
      ["renewals that the CA asked for", String(sum(({ recalled }) => recalled))],
      ["repairs that were told", String(sum(({ repairs }) => repairs))],
      ["orders that nobody asked for", String(sum((it) => Math.max(0, it.made.orders - wanted(it))))],
      ["certificates issued twice", String(sum((it) => Math.max(0, it.made.certificates - wanted(it))))],
      ["renewals that did not come", String(sum((it) => Math.max(0, wanted(it) - it.made.certificates)))],
      ["names that were not right in the end", String(sum(({ wrong }) => wrong.length))],
    ],
  };
}
