import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { bundleFile, defaultSecretName } from "../../src/model/secret_name.ts";
import { CALL } from "../support/fakes.ts";
import { PLACEHOLDER, startHaproxy, type TestHaproxy } from "../support/haproxy.ts";
import { namesIn } from "../support/kontena_kit.ts";
import { testPki } from "../support/pki.ts";
import { has, until } from "../support/process.ts";
import { adapterOf, clientSees, type ReconcileStage, reconcileStage } from "../support/reconcile_stage.ts";

const PKI = testPki();
const NAME = "www.example.com";
const FILE = bundleFile(defaultSecretName(parseDnsName(NAME)));

interface Scene {
  readonly it: ReconcileStage;
  readonly old: TestHaproxy;
  readonly other: TestHaproxy;
  /** Serves a certificate by the balancers of that name, as a command does. */
  link(bundle: Bundle, ...balancers: readonly string[]): Promise<void>;
}

for (const mode of ["directory", "crt-list"] as const) {
  const test = (name: string, run: (scene: Scene) => Promise<void>): void =>
    Deno.test({
      name: `${name}: ${mode} [needs haproxy]`,
      ignore: !has("haproxy"),
      async fn(): Promise<void> {
        await using old = await startHaproxy({ mode });
        await using other = await startHaproxy({ mode });
        await using it = await reconcileStage([adapterOf(old, "old"), adapterOf(other, "other")]);
        const link = async (bundle: Bundle, ...balancers: readonly string[]): Promise<void> => {
          await it.service.importCertificate({ certificate: bundlePem(bundle), chain: [], balancers }, CALL);
        };
        await run({ it, old, other, link });
      },
    });

  test("a certificate that is linked with another HAProxy leaves the former one once that serves it", async (scene) => {
    const { it, old, other, link } = scene;
    it.start();
    const [first, second] = [PKI.issue([NAME]), PKI.issue([NAME])];
    await link(first, "old");
    assertEquals(await clientSees(old, NAME), first.facts.fingerprint);
    await other.kill();
    await link(second, "other");
    assertEquals(await clientSees(old, NAME), first.facts.fingerprint);
    await other.restart();
    await until("the former one has given it up", () => Promise.resolve(!namesIn(old.certs).includes(FILE)));

    assertEquals(await clientSees(other, NAME), second.facts.fingerprint);
    await until("it is noted", async () => (await it.records.deployments.list(CALL)).length === 1);
    assertEquals((await old.ask("show ssl cert")).includes(FILE), false);
    assertEquals([await clientSees(old, NAME) === first.facts.fingerprint, (await old.check()).code], [false, 0]);
  });
}

Deno.test({
  name: "a certificate that is the default of its HAProxy stays there, though another one serves it [needs haproxy]",
  ignore: !has("haproxy"),
  async fn(): Promise<void> {
    const [first, second] = [PKI.issue([NAME]), PKI.issue([NAME])];
    await using old = await startHaproxy({ files: { [FILE]: bundlePem(first) } });
    await Deno.remove(`${old.certs}/${PLACEHOLDER}`);
    await old.reload();
    await using other = await startHaproxy();
    await using it = await reconcileStage([adapterOf(old, "old"), adapterOf(other, "other")]);
    await it.hold(first, ["old"]);
    await it.look();
    await it.hold(second, ["other"]);
    for (let i = 0; i < 3; i++) await it.look();

    assertEquals(await clientSees(other, NAME), second.facts.fingerprint);
    assertEquals([await clientSees(old, NAME), namesIn(old.certs)], [first.facts.fingerprint, [FILE]]);
    const alarms = it.events.filter((event) => event.name === "balancer.alarm").map((event) => event.text);
    assertEquals(alarms.length, 1);
    assertStringIncludes(alarms[0]!, "used as default certificate");
  },
});
