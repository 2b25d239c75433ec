/**
 * Two HAProxies whose certificates change, that are reloaded, killed and disturbed at random, and the loop that keeps what they
 * serve the same as what the vault holds. At the end all must be right, without a person and without the CA.
 *
 * @module
 */
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { bundleFile, defaultSecretName } from "../../src/model/secret_name.ts";
import { type Random, seeded } from "../../test/ca/random.ts";
import { startHaproxy, type TestHaproxy } from "../../test/support/haproxy.ts";
import { testPki } from "../../test/support/pki.ts";
import { until } from "../../test/support/process.ts";
import { adapterOf, clientSees, type ReconcileStage, reconcileStage } from "../../test/support/reconcile_stage.ts";
import { pause } from "../bench/measure.ts";
import type { Table } from "../bench/report.ts";

const BALANCERS = ["one", "two"] as const;
const CERTIFICATES = 20;
/** Between two disturbances, at most. */
const SPACE_MS = 1_500;
/** The longest that a repair may take once nobody disturbs any more: a hold without a cause of its own ends in a minute. */
const REST_MS = 120_000;

/** What happened, and what it led to. */
export interface DriftReport {
  /** How often each disturbance was played. */
  readonly played: ReadonlyMap<string, number>;
  /** Names that are not served as they should be in the end, by balancer. */
  readonly wrong: readonly string[];
  /** Requests to the CA. */
  readonly asked: number;
  /** Repairs that the loop told of. */
  readonly repairs: number;
  /** Milliseconds from the last disturbance until all was right. */
  readonly restMs: number;
}

/** What a disturbance can reach. */
interface Scene {
  readonly stage: ReconcileStage;
  readonly haproxies: readonly TestHaproxy[];
  readonly pki: ReturnType<typeof testPki>;
  /** What is held, and what was held before. */
  readonly held: Bundle[];
  readonly former: Bundle[];
}

type Disturbance = (scene: Scene, haproxy: TestHaproxy, random: Random) => Promise<unknown>;

const DISTURBANCES: Readonly<Record<string, Disturbance>> = {
  "a newer certificate": ({ stage, pki, held, former }, _, random) => {
    const at = random.below(CERTIFICATES);
    former[at] = held[at]!;
    held[at] = pki.issue([nameOf(at)]);
    return stage.hold(held[at]!, BALANCERS);
  },
  "a reload": (_, haproxy) => haproxy.reload(),
  "a kill, and a start with old files": async ({ former }, haproxy) => {
    await haproxy.kill();
    for (const bundle of former) await Deno.writeTextFile(pathOf(haproxy, bundle), bundlePem(bundle));
    await haproxy.restart();
  },
  "a stop for a while": async (_, haproxy, random) => {
    Deno.kill(haproxy.pid, "SIGSTOP");
    await pause(random.below(3_000));
    Deno.kill(haproxy.pid, "SIGCONT");
  },
  "a file written over": ({ former }, haproxy, random) => {
    const bundle = former[random.below(CERTIFICATES)]!;
    return Deno.writeTextFile(pathOf(haproxy, bundle), bundlePem(bundle));
  },
  "a file removed": ({ held }, haproxy, random) =>
    Deno.remove(pathOf(haproxy, held[random.below(CERTIFICATES)]!)).catch(() => {}), // it is gone already
  "a swap by somebody else": async ({ former }, haproxy, random) => {
    const bundle = former[random.below(CERTIFICATES)]!;
    const path = pathOf(haproxy, bundle);
    await haproxy.ask(`set ssl cert ${path} <<\n${bundlePem(bundle)}`).catch(() => ""); // it may be busy, or stopped
    await haproxy.ask(`commit ssl cert ${path}`).catch(() => "");
  },
  "a transaction left open": async ({ former }, haproxy, random) => {
    const bundle = former[random.below(CERTIFICATES)]!;
    await haproxy.ask(`set ssl cert ${pathOf(haproxy, bundle)} <<\n${bundlePem(bundle)}`).catch(() => "");
  },
};

/** Disturbs for so many minutes, then lets it come to rest. */
export async function drift(seed: number, minutes: number, say: (line: string) => void): Promise<DriftReport> {
  const random = seeded(`drift ${seed}`);
  const pki = testPki();
  const held = Array.from({ length: CERTIFICATES }, (_, i) => pki.issue([nameOf(i)]));
  await using haproxies = new AsyncDisposableStack();
  const both: TestHaproxy[] = [];
  for (const _ of BALANCERS) both.push(haproxies.use(await startHaproxy()));
  await using stage = await reconcileStage(both.map((it, i) => adapterOf(it, BALANCERS[i])));
  const scene: Scene = { stage, haproxies: both, pki, held, former: [...held] };
  for (const bundle of held) await stage.hold(bundle, BALANCERS);
  stage.start();
  await until("all are served at first", async () => (await wrongIn(scene)).length === 0, REST_MS);
  const played = new Map<string, number>();
  const names = Object.keys(DISTURBANCES);
  for (const end = Date.now() + minutes * 60_000; Date.now() < end;) {
    const name = names[random.below(names.length)]!;
    await DISTURBANCES[name]!(scene, both[random.below(both.length)]!, random);
    played.set(name, (played.get(name) ?? 0) + 1);
    await pause(random.below(SPACE_MS));
  }
  say(`drift, seed ${seed}: ${[...played.values()].reduce((a, b) => a + b, 0)} disturbances`);
  const begin = Date.now();
  const rest = async (): Promise<boolean> => (await wrongIn(scene)).length === 0;
  await until("all is right again", rest, REST_MS).catch(() => {}); // what is wrong is counted
  return {
    played,
    wrong: await wrongIn(scene),
    asked: stage.authority.asked.length,
    repairs: stage.events.filter(({ name }) => name === "balancer.drift").length,
    restMs: Date.now() - begin,
  };
}

/** What happened, as a table. */
export function driftTable(reports: readonly DriftReport[]): Table {
  const sum = (of: (report: DriftReport) => number): number => reports.reduce((total, it) => total + of(it), 0);
  const names = [...new Set(reports.flatMap(({ played }) => [...played.keys()]))].sort();
  return {
    columns: ["two HAProxies, 20 certificates", "count"],
    rows: [
      ...names.map((name) => [name, String(sum(({ played }) => played.get(name) ?? 0))]),
      ["repairs that were told", String(sum(({ repairs }) => repairs))],
      ["requests to the CA", String(sum(({ asked }) => asked))],
      ["names that were not right in the end", String(sum(({ wrong }) => wrong.length))],
    ],
  };
}

async function wrongIn({ haproxies, held }: Scene): Promise<readonly string[]> {
  const seen = await Promise.all(haproxies.map(async (haproxy, i) => {
    const found = await Promise.all(held.map((_, at) => clientSees(haproxy, nameOf(at))));
    return held.flatMap(({ facts }, at) => found[at] === facts.fingerprint ? [] : [`${BALANCERS[i]} ${nameOf(at)}`]);
  }));
  return seen.flat();
}

function nameOf(at: number): string {
  return `n${at}.soak.test`;
}

function pathOf(haproxy: TestHaproxy, { facts: { names: [name] } }: Bundle): string {
  if (name === undefined) throw new RangeError("a certificate without a name");
  return `${haproxy.certs}/${bundleFile(defaultSecretName(name))}`;
}
