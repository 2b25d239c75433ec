import { assertEquals } from "@std/assert";
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { bundleFile, defaultSecretName } from "../../src/model/secret_name.ts";
import { type HaproxyOptions, startHaproxy, type TestHaproxy } from "../support/haproxy.ts";
import { testPki } from "../support/pki.ts";
import { has, until } from "../support/process.ts";
import { adapterOf, clientSees, type ReconcileStage, reconcileStage } from "../support/reconcile_stage.ts";

const PKI = testPki();
const nameOf = (i: number): string => `n${i}.example.com`;
const fileOf = (bundle: Bundle): string => bundleFile(defaultSecretName(bundle.facts.names[0]!));

function filesOf(bundles: readonly Bundle[]): Readonly<Record<string, string>> {
  return Object.fromEntries(bundles.map((it) => [fileOf(it), bundlePem(it)]));
}

function test(name: string, options: HaproxyOptions, run: (haproxy: TestHaproxy) => Promise<void>): void {
  Deno.test({
    name: `${name} [needs haproxy]`,
    ignore: !has("haproxy"),
    async fn(): Promise<void> {
      await using haproxy = await startHaproxy(options);
      await run(haproxy);
    },
  });
}

/** What clients get is what the vault holds, on every name. */
async function isServed(haproxy: TestHaproxy, bundles: readonly Bundle[]): Promise<boolean> {
  const seen = await Promise.all(bundles.map((it) => clientSees(haproxy, it.facts.names[0]!)));
  return seen.every((fingerprint, i) => fingerprint === bundles[i]?.facts.fingerprint);
}

const eventsOf = ({ events }: ReconcileStage, name: string): readonly string[] =>
  events.filter((it) => it.name === name).map((it) => it.text);

const OLD = Array.from({ length: 20 }, (_, i) => PKI.issue([nameOf(i)]));

test("F-106: HAProxy restarts with old files on disk: repaired, and the CA is not asked", {
  files: filesOf(OLD),
}, async (haproxy) => {
  await using it = await reconcileStage([adapterOf(haproxy)]);
  const now = OLD.map((_, i) => PKI.issue([nameOf(i)]));
  for (const bundle of now) await it.hold(bundle, ["lb"]);
  it.start();
  await until("all are served", () => isServed(haproxy, now));

  await haproxy.kill();
  for (const [file, pem] of Object.entries(filesOf(OLD))) await Deno.writeTextFile(`${haproxy.certs}/${file}`, pem);
  await haproxy.restart();
  await until("all are served again", () => isServed(haproxy, now));

  assertEquals(it.authority.asked, []);
  assertEquals(eventsOf(it, "balancer.alarm"), []);
});
