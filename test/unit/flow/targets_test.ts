import { assertEquals } from "@std/assert";
import { targetReader } from "../../../src/flow/targets.ts";
import { deploymentId } from "../../../src/ledger/records.ts";
import { certificateSecrets } from "../../../src/model/secret_name.ts";
import { CALL } from "../../support/fakes.ts";
import { testPki } from "../../support/pki.ts";
import { reconcileStage } from "../../support/reconcile_stage.ts";

const PKI = testPki();

Deno.test("targetReader() unseals a bundle once, and again after it was written", async () => {
  await using it = await reconcileStage([]);
  const first = PKI.issue(["www.example.com"]);
  const secretName = await it.hold(first, ["lb"]);
  const unsealed: string[] = [];
  const vault = {
    ...it.parts.vault,
    read: (...[name, call]: Parameters<typeof it.parts.vault.read>) => {
      unsealed.push(name);
      return it.parts.vault.read(name, call);
    },
  };
  const reader = targetReader({ ...it.parts, vault }, []);
  const fingerprints = async (): Promise<readonly string[]> =>
    (await reader.all(CALL)).held.map((it) => it.fingerprint);
  assertEquals([await fingerprints(), await fingerprints()], [[first.facts.fingerprint], [first.facts.fingerprint]]);
  assertEquals(unsealed, [certificateSecrets(secretName).bundle]);

  const second = PKI.issue(["www.example.com"]);
  await it.hold(second, ["lb"]);
  const [target] = (await reader.some(new Set([secretName]), CALL)).held;
  assertEquals([target?.fingerprint, target?.balancers], [second.facts.fingerprint, ["lb"]]);
  assertEquals(await fingerprints(), [second.facts.fingerprint]);
});

Deno.test("targetReader() counts as gone what no one holds, and not what is declared or cannot be read", async () => {
  await using it = await reconcileStage([]);
  const names = ["gone", "declared", "unreadable", "held"].map((it) => `${it}.example.com`);
  const secrets = await Promise.all(names.map((name) => it.hold(PKI.issue([name]), ["lb"])));
  const [gone, declared, unreadable, held] = secrets.map((it) => certificateSecrets(it).bundle);
  for (const secretName of secrets) {
    const record = {
      balancer: "lb",
      secretName,
      fingerprint: "f",
      at: new Date(),
      state: "served",
      shadowed: [],
    } as const;
    await it.records.deployments.put(deploymentId("lb", secretName), record, CALL);
  }
  const intents = (await it.records.certificates.list(CALL)).map((row) => row.value.intent);
  for (const name of [gone!, declared!]) await it.vault.remove(name, CALL);
  await it.vault.write([{ name: unreadable!, value: "no bundle" }], CALL);
  const reader = targetReader(it.parts, intents.filter((intent) => intent.secretName === secrets[1]));

  for (const found of [await reader.all(CALL), await reader.some(new Set(secrets), CALL)]) {
    assertEquals(found.gone, new Map([["lb", new Set([secrets[0]!])]]));
    assertEquals([...found.unreadable.keys()], [secrets[2]!]);
    assertEquals(found.held.map((it) => certificateSecrets(it.secretName).bundle), [held!]);
  }
});
