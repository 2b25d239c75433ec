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
  const balancer = timed(adapterOf(haproxy, LB));
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
  const seen = repairs.map((it) => it.seenMs);
  const slowest = Math.max(...seen);
  return figures(
    [
      { what: "all put back, median, ms", measured: short(median(repairs.map((it) => it.putBackMs))) },
      { what: "all seen right, median, ms", measured: short(median(seen)) },
      { what: "all seen right, p90, ms", measured: short(quantile(seen, 0.9)) },
      { what: "all seen right, slowest, ms", measured: short(slowest), goal: atMost(slowest, REPAIR_GOAL_MS) },
      { what: "requests to the CA", measured: String(asked), goal: atMost(asked, 0, "0") },
    ],
    `After the first accepted connection; ${count} certificates, all of them old on disk after kill -9, ` +
      `${repairs.length} times. Seen by a client that meanwhile makes a handshake for each, on the same processors.`,
  );
}

function changeTable(served: readonly number[]): Table {
  const slowest = Math.max(...served);
  return figures([
    { what: "a change of the vault is served after, median, ms", measured: short(median(served)) },
    { what: "slowest, ms", measured: short(slowest), goal: atMost(slowest, CHANGE_GOAL_MS) },
  ], `${served.length} changes.`);
}

/** Milliseconds since the first connection was accepted. */
interface Repair {
  /** Until HAProxy had the last of them. */
  readonly putBackMs: number;
  /** Until a client had seen each of them. */
  readonly seenMs: number;
}

/** A balancer that tells when something was put back last. */
type Timed = LoadBalancer & { putBackAt(): number };

function timed(balancer: LoadBalancer): Timed {
  let at = 0;
  return {
    ...balancer,
    async restore(files, call): Promise<ReadonlySet<string>> {
      const done = await balancer.restore?.(files, call) ?? new Set<string>();
      at = performance.now();
      return done;
    },
    putBackAt: () => at,
  };
}

/** In the vault, and noted as served, as it is on disk. */
async function alreadyServed(stage: ReconcileStage, bundle: Bundle): Promise<void> {
  const secretName = await stage.hold(bundle, [LB]);
  const { fingerprint } = bundle.facts;
  const record = { balancer: LB, secretName, fingerprint, at: new Date(), state: "served", shadowed: [] } as const;
  await stage.records.deployments.put(deploymentId(LB, secretName), record, CALL);
}

async function repaired(
  haproxy: TestHaproxy,
  balancer: Timed,
  old: readonly Bundle[],
  now: readonly Bundle[],
): Promise<Repair> {
  await haproxy.kill();
  for (const bundle of old) await Deno.writeTextFile(`${haproxy.certs}/${fileOf(bundle)}`, bundlePem(bundle));
  const restarting = haproxy.restart();
  const answers = async (): Promise<boolean> => await clientSees(haproxy, "n0.bench.test") !== undefined;
  await until("a client is answered", answers, 60_000);
  const begin = performance.now();
  let right = 0; // the others are looked at again only when the one before is right
  await until("all are right", async () => {
    for (let bundle = now[right]; bundle !== undefined; bundle = now[++right]) {
      if (await clientSees(haproxy, bundle.facts.names[0]!) !== bundle.facts.fingerprint) return false;
    }
    return true;
  }, 120_000);
  const seenMs = performance.now() - begin;
  await restarting;
  await pause(1_000); // its proofs are not what is measured next
  return { putBackMs: balancer.putBackAt() - begin, seenMs };
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
