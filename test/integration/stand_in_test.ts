import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { deploymentId } from "../../src/ledger/records.ts";
import { bundlePem } from "../../src/model/certificate.ts";
import type { DeploymentRecord } from "../../src/model/records.ts";
import { bundleFile, defaultSecretName } from "../../src/model/secret_name.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { CALL } from "../support/fakes.ts";
import { type HaproxyOptions, startHaproxy, type TestHaproxy } from "../support/haproxy.ts";
import { kontena } from "../support/kontena_kit.ts";
import { testPki } from "../support/pki.ts";
import { has } from "../support/process.ts";
import { adapterOf, clientSees, type ReconcileStage, reconcileStage } from "../support/reconcile_stage.ts";

const PKI = testPki();
const NAME = "www.example.com";
const SECRET = defaultSecretName(parseDnsName(NAME));
const FILE = bundleFile(SECRET);

/** HAProxy loads a certificate with an RSA key, and has no cipher to answer a client with it. */
const ECDSA_ONLY: HaproxyOptions = {
  global: ["ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256", "ssl-default-bind-options ssl-max-ver TLSv1.2"],
};

function test(
  name: string,
  options: HaproxyOptions,
  run: (haproxy: TestHaproxy, it: ReconcileStage) => Promise<void>,
): void {
  Deno.test({
    name: `${name} [needs haproxy]`,
    ignore: !has("haproxy"),
    async fn(): Promise<void> {
      await using haproxy = await startHaproxy(options);
      await using it = await reconcileStage([adapterOf(haproxy)]);
      await run(haproxy, it);
    },
  });
}

const seen = (haproxy: TestHaproxy): Promise<string | undefined> => clientSees(haproxy, NAME);

async function held({ records }: ReconcileStage): Promise<DeploymentRecord & { readonly state: "held" }> {
  const record = (await records.deployments.get(deploymentId("lb", SECRET), CALL))?.value;
  assert(record?.state === "held");
  return record;
}

for (
  const [how, disturb] of [
    ["with a file that is still older", (path) => Deno.writeTextFile(path, bundlePem(PKI.issue([NAME])))],
    ["without the file", (path) => Deno.remove(path)],
  ] as const satisfies readonly (readonly [string, (path: string) => Promise<void>])[]
) {
  test(
    `where the newest version is held, HAProxy that restarts ${how} gets the last one that was good`,
    ECDSA_ONLY,
    async (haproxy, it) => {
      const [older, good] = [PKI.issue([NAME]), PKI.issue([NAME])];
      for (const bundle of [older, good]) {
        await it.hold(bundle, ["lb"]);
        await it.look();
      }
      const refused = PKI.issue([NAME], { key: "rsa-2048" });
      await it.hold(refused, ["lb"]);
      await it.look();
      const before = await held(it);
      assertEquals([before.fingerprint, await seen(haproxy)], [refused.facts.fingerprint, good.facts.fingerprint]);

      await haproxy.kill();
      await disturb(`${haproxy.certs}/${FILE}`);
      await haproxy.restart();
      await it.look();

      assertEquals(await seen(haproxy), good.facts.fingerprint);
      assertEquals(await Deno.readTextFile(`${haproxy.certs}/${FILE}`), bundlePem(good));
      const now = await held(it);
      assertEquals([now.fingerprint, now.standIn?.fingerprint], [refused.facts.fingerprint, good.facts.fingerprint]);
      assertStringIncludes(now.reason, "The new certificate is not served");
    },
  );
}

test("a newest version that waits on disk for a reload stays there, and the one before is served", {}, async (
  haproxy,
  it,
) => {
  const good = PKI.issue([NAME]);
  await it.hold(good, ["lb"]);
  await it.look();
  const large = PKI.issue([NAME], { padding: 20_000 }); // more than tune.bufsize, and there is no reload=
  await it.hold(large, ["lb"]);
  for (let i = 0; i < 3; i++) await it.look();

  const { fingerprint, standIn, reason } = await held(it);
  assertEquals([fingerprint, standIn?.fingerprint], [large.facts.fingerprint, good.facts.fingerprint]);
  assertStringIncludes(reason, "from HAProxy's next reload on");
  assertEquals(await seen(haproxy), good.facts.fingerprint);
  assertEquals(await Deno.readTextFile(`${haproxy.certs}/${FILE}`), bundlePem(large));
  await haproxy.reload();
  await it.look();
  assertEquals(await seen(haproxy), large.facts.fingerprint);
  assertEquals((await it.records.deployments.get(deploymentId("lb", SECRET), CALL))?.value.state, "served");
});

test("what stands in may be of another kind, and is proven as what it is", ECDSA_ONLY, async (haproxy, it) => {
  const good = PKI.issue([NAME]);
  await it.hold(good, ["lb"]);
  await it.look();
  const secretName = await it.hold(PKI.issue([NAME], { key: "rsa-2048" }), ["lb"]);
  const record = (await it.records.certificates.get(secretName, CALL))!.value;
  const intent = { ...record.intent, keyType: "rsa-2048" } as const;
  await it.records.certificates.put(secretName, { ...record, intent }, CALL);
  await it.look();
  const { sign } = await held(it);
  const path = `${haproxy.certs}/${FILE}`;
  await haproxy.ask(`set ssl cert ${path} <<\n${bundlePem(PKI.issue([NAME]))}`);
  await haproxy.ask(`commit ssl cert ${path}`);
  await it.look();

  assertEquals([await seen(haproxy), (await held(it)).sign], [good.facts.fingerprint, sign]);
  const told = it.events.map((event) => event.name);
  assertEquals(told.filter((name) => name === "balancer.drift" || name === "certificate.stand_in"), ["balancer.drift"]);
});

kontena(
  "a Kontena Load Balancer gets the last version that was good back, while the newest is held",
  {},
  async (kit) => {
    await using it = await reconcileStage([kit.balancer]);
    const good = PKI.issue([NAME]);
    await it.hold(good, ["lb"]);
    await it.look();
    const bad = `${kit.certs}/zz-bad.pem`;
    await Deno.writeTextFile(bad, "no certificate"); // with it HAProxy refuses whatever comes
    const newest = PKI.issue([NAME]);
    await it.hold(newest, ["lb"]);
    await it.look();
    await Deno.remove(bad);
    assertEquals((await held(it)).fingerprint, newest.facts.fingerprint);
    const path = `${kit.certs}/${FILE}`;
    await Deno.writeTextFile(path, bundlePem(PKI.issue([NAME])));
    await it.look();

    assertEquals(await clientSees(kit.lb, NAME), good.facts.fingerprint);
    assertEquals(await Deno.readTextFile(path), bundlePem(good));
    const { fingerprint, standIn } = await held(it);
    assertEquals([fingerprint, standIn?.fingerprint], [newest.facts.fingerprint, good.facts.fingerprint]);
  },
);
