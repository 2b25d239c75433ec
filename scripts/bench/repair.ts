/**
 * Row `repair`: HAProxy is killed and comes back with old files; and how soon a change of the vault is served.
 *
 * @module
 */
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { bundleFile, defaultSecretName } from "../../src/model/secret_name.ts";
import type { LoadBalancer } from "../../src/ports.ts";
import { CALL } from "../../test/support/fakes.ts";
import { startHaproxy, type TestHaproxy } from "../../test/support/haproxy.ts";
import { testPki } from "../../test/support/pki.ts";
import { until } from "../../test/support/process.ts";
import { adapterOf, clientSees, type ReconcileStage, reconcileStage } from "../../test/support/reconcile_stage.ts";
import { deploymentId } from "../../src/ledger/records.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import { median, pause, quantile } from "./measure.ts";
import { atMost, figures, short, type Table } from "./report.ts";

/** `repair` */
export const repairRow: BenchRow = { title: "Repair: HAProxy restarts with old files; a vault that changes", measure };

const REPAIR_GOAL_MS = 5_000;
const CHANGE_GOAL_MS = 250;
const LB = "lb";

async function measure({ quick, say }: BenchOptions): Promise<readonly Table[]> {
  const [count, rounds, changes] = quick ? [100, 2, 8] : [1_000, 50, 20];
  const pki = testPki();
  const make = (): readonly Bundle[] => Array.from({ length: count }, (_, i) => pki.issue([`n${i}.bench.test`]));
  const [old, now] = [make(), make()];
  await using haproxy = await startHaproxy({ files: Object.fromEntries(now.map((it) => [fileOf(it), bundlePem(it)])) });
  const balancer = told(adapterOf(haproxy, LB));
  await using stage = await reconcileStage([balancer]);
  for (const bundle of now) await alreadyServed(stage, bundle);
  await stage.look();
  stage.start();
  const repairs: Repair[] = [];
  while (repairs.length < rounds) {
    repairs.push(await repaired(haproxy, balancer, old, now));
    if (repairs.length % 10 === 0) say(`${repairs.length} of ${rounds} restarts with old files`);
  }
  const served: number[] = [];
  while (served.length < changes) served.push(await changed(stage, haproxy, pki.issue(["n0.bench.test"])));
  return [repairTable(repairs, stage.authority.asked.length, count), changeTable(served)];
}

function repairTable(repairs: readonly Repair[], asked: number, count: number): Table {
  const ms = repairs.map((it) => it.ms);
  const slowest = Math.max(...ms);
  const late = repairs.reduce((sum, it) => sum + it.late, 0);
  return figures(
    [
      { what: "all right, median, ms", measured: short(median(ms)) },
      { what: "all right, p90, ms", measured: short(quantile(ms, 0.9)) },
      { what: "all right, slowest, ms", measured: short(slowest), goal: atMost(slowest, REPAIR_GOAL_MS) },
      { what: "put back, and not seen so by a client", measured: String(late), goal: atMost(late, 0, "0") },
      { what: "requests to the CA", measured: String(asked), goal: atMost(asked, 0, "0") },
    ],
    `After the first accepted connection; ${count} certificates, all of them old on disk after kill -9, ${repairs.length} times.`,
  );
}

function changeTable(served: readonly number[]): Table {
  const slowest = Math.max(...served);
  return figures([
    { what: "a change of the vault is served after, median, ms", measured: short(median(served)) },
    { what: "slowest, ms", measured: short(slowest), goal: atMost(slowest, CHANGE_GOAL_MS) },
  ], `${served.length} changes.`);
}

/** What came of one restart. */
interface Repair {
  /** Milliseconds from the first accepted connection until all were right. */
  readonly ms: number;
  /** Certificates that a client got another one for at first, though HAProxy had been given them. */
  readonly late: number;
}

/** A balancer that tells which files it was given since it was asked last. */
type Told = LoadBalancer & { readonly given: Set<string> };

function told(balancer: LoadBalancer): Told {
  const given = new Set<string>();
  return {
    ...balancer,
    given,
    async restore(files, call): Promise<ReadonlySet<string>> {
      const done = await balancer.restore?.(files, call) ?? new Set<string>();
      for (const file of done) given.add(file);
      return done;
    },
    async swap(candidate, call): ReturnType<LoadBalancer["swap"]> {
      const result = await balancer.swap(candidate, call);
      given.add(candidate.file);
      return result;
    },
  };
}

/** In the vault, and noted as served, as it is on disk. */
async function alreadyServed(stage: ReconcileStage, bundle: Bundle): Promise<void> {
  const secretName = await stage.hold(bundle, [LB]);
  const { fingerprint } = bundle.facts;
  const record = { balancer: LB, secretName, fingerprint, at: new Date(), state: "served", shadowed: [] } as const;
  await stage.records.deployments.put(deploymentId(LB, secretName), record, CALL);
}

/** A client looks when all are put back, and not while they are: it would take from both what they need for it. */
async function repaired(
  haproxy: TestHaproxy,
  balancer: Told,
  old: readonly Bundle[],
  now: readonly Bundle[],
): Promise<Repair> {
  await haproxy.kill();
  for (const bundle of old) await Deno.writeTextFile(`${haproxy.certs}/${fileOf(bundle)}`, bundlePem(bundle));
  balancer.given.clear();
  const restarting = haproxy.restart();
  const answers = async (): Promise<boolean> => await clientSees(haproxy, "n0.bench.test") !== undefined;
  await until("a client is answered", answers, 60_000);
  const begin = performance.now();
  await until("all are put back", () => balancer.given.size === now.length, 120_000);
  let ms = performance.now() - begin;
  const wrong: Bundle[] = [];
  for (const bundle of now) if (!await isSeen(haproxy, bundle)) wrong.push(bundle);
  for (const bundle of wrong) await until("it is seen", () => isSeen(haproxy, bundle), 60_000);
  if (wrong.length > 0) ms = performance.now() - begin;
  await restarting;
  await pause(1_000); // its proofs are not what is measured next
  return { ms, late: wrong.length };
}

async function isSeen(haproxy: TestHaproxy, { facts: { names: [name], fingerprint } }: Bundle): Promise<boolean> {
  return await clientSees(haproxy, name ?? "") === fingerprint;
}

async function changed(stage: ReconcileStage, haproxy: TestHaproxy, bundle: Bundle): Promise<number> {
  const begin = performance.now();
  await stage.hold(bundle, [LB]);
  await until("it is served", async () => await clientSees(haproxy, "n0.bench.test") === bundle.facts.fingerprint);
  return performance.now() - begin;
}

function fileOf({ facts: { names: [name] } }: Bundle): string {
  if (name === undefined) throw new RangeError("a certificate without a name");
  return bundleFile(defaultSecretName(name));
}
