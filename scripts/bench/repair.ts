/**
 * Row `repair`: HAProxy is killed and comes back with old files; and how soon a change of the vault is served.
 *
 * @module
 */
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { bundleFile, defaultSecretName } from "../../src/model/secret_name.ts";
import { CALL } from "../../test/support/fakes.ts";
import { startHaproxy, type TestHaproxy } from "../../test/support/haproxy.ts";
import { testPki } from "../../test/support/pki.ts";
import { until } from "../../test/support/process.ts";
import { adapterOf, clientSees, type ReconcileStage, reconcileStage } from "../../test/support/reconcile_stage.ts";
import { deploymentId } from "../../src/ledger/records.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import { median, pause } from "./measure.ts";
import { atMost, figures, short, type Table } from "./report.ts";

/** `repair` */
export const repairRow: BenchRow = { title: "Repair: HAProxy restarts with old files; a vault that changes", measure };

const REPAIR_GOAL_MS = 5_000;
const CHANGE_GOAL_MS = 250;
const LB = "lb";

async function measure({ quick }: BenchOptions): Promise<readonly Table[]> {
  const [count, rounds] = quick ? [100, 2] : [1_000, 5];
  const pki = testPki();
  const make = (): readonly Bundle[] => Array.from({ length: count }, (_, i) => pki.issue([`n${i}.bench.test`]));
  const [old, now] = [make(), make()];
  await using haproxy = await startHaproxy({ files: Object.fromEntries(now.map((it) => [fileOf(it), bundlePem(it)])) });
  await using stage = await reconcileStage([adapterOf(haproxy, LB)]);
  for (const bundle of now) await alreadyServed(stage, bundle);
  await stage.look();
  stage.start();
  const repairs: number[] = [];
  for (let i = 0; i < rounds; i++) repairs.push(await repaired(haproxy, old, now));
  const changes: number[] = [];
  for (let i = 0; i < 4 * rounds; i++) changes.push(await changed(stage, haproxy, pki.issue(["n0.bench.test"])));
  const [slowest, late] = [Math.max(...repairs), Math.max(...changes)];
  return [figures([
    { what: "all right after the first accepted connection, median, ms", measured: short(median(repairs)) },
    { what: "slowest, ms", measured: short(slowest), goal: atMost(slowest, REPAIR_GOAL_MS) },
    {
      what: "requests to the CA",
      measured: String(stage.authority.asked.length),
      goal: atMost(stage.authority.asked.length, 0, "0"),
    },
    { what: "a change of the vault is served after, median, ms", measured: short(median(changes)) },
    { what: "slowest, ms", measured: short(late), goal: atMost(late, CHANGE_GOAL_MS) },
  ], `${count} certificates, all of them old on disk after kill -9; ${rounds} times, then ${4 * rounds} changes.`)];
}

/** In the vault, and noted as served, as it is on disk. */
async function alreadyServed(stage: ReconcileStage, bundle: Bundle): Promise<void> {
  const secretName = await stage.hold(bundle, [LB]);
  const { fingerprint } = bundle.facts;
  const record = { balancer: LB, secretName, fingerprint, at: new Date(), state: "served", shadowed: [] } as const;
  await stage.records.deployments.put(deploymentId(LB, secretName), record, CALL);
}

async function repaired(haproxy: TestHaproxy, old: readonly Bundle[], now: readonly Bundle[]): Promise<number> {
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
  const ms = performance.now() - begin;
  await restarting;
  await pause(1_000); // its proofs are not what is measured next
  return ms;
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
