import { assertEquals } from "@std/assert";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import type { Intent } from "../../../src/model/records.ts";
import { bundleFile, defaultSecretName } from "../../../src/model/secret_name.ts";
import { CALL } from "../../support/fakes.ts";
import { type FakeClock, fakeClock } from "../../support/fake_clock.ts";
import { testPki } from "../../support/pki.ts";
import { until } from "../../support/process.ts";
import { type ReconcileStage, reconcileStage } from "../../support/reconcile_stage.ts";
import { type ServingBalancer, servingBalancer } from "../../support/serving_balancer.ts";

const PKI = testPki();
const NAME = "www.example.com";
const SECRET = defaultSecretName(parseDnsNames([NAME])[0]);
const FILE = bundleFile(SECRET);

interface Scene {
  readonly it: ReconcileStage;
  readonly clock: FakeClock;
  readonly old: ServingBalancer;
  readonly one: ServingBalancer;
  readonly two: ServingBalancer;
  /** Looks twice: the second time it is known what the first one has done elsewhere. */
  look(): Promise<void>;
  told(name: string): number;
}

function intent(...balancers: readonly string[]): Intent {
  return { names: parseDnsNames([NAME]), keyType: "ec-256", secretName: SECRET, certType: "fullchain", balancers };
}

/** Begins with a certificate that `old` serves. */
function test(name: string, run: (scene: Scene) => Promise<void>, declared: readonly Intent[] = []): void {
  Deno.test(name, async () => {
    const clock = fakeClock(new Date());
    const [old, one, two] = [servingBalancer("old"), servingBalancer("one"), servingBalancer("two")];
    await using it = await reconcileStage([old, one, two], { clock, declared });
    await it.hold(PKI.issue([NAME]), ["old"]);
    await it.look();
    assertEquals(old.memory.size, 1);
    const look = async (): Promise<void> => {
      await it.look();
      await it.look();
    };
    await run({ it, clock, old, one, two, look, told: (name) => it.events.filter((it) => it.name === name).length });
  });
}

test("a certificate leaves the balancer that it was linked with once the new one serves it", async (scene) => {
  const { it, old, one, look, told } = scene;
  one.refusing = true;
  await it.hold(PKI.issue([NAME]), ["one"]);
  await look();
  assertEquals([old.removals, old.memory.size], [[], 1]);

  one.refusing = false;
  await scene.clock.jump(2 * 3_600_000);
  await look();
  assertEquals([old.removals, old.memory.size, one.memory.size], [[FILE], 0, 1]);
  assertEquals((await it.records.deployments.list(CALL)).map((row) => row.value.balancer), ["one"]);
  assertEquals(told("certificate.withdrawn"), 1);
});

test("a certificate leaves as soon as the new balancer serves it, not with the next look", async ({ it, clock, old }) => {
  it.start();
  // Time passes only while nobody works: how long that takes in truth says nothing.
  const rest = (): Promise<unknown> => until("all rest", () => Promise.resolve(clock.sleeping === 3));
  await rest();
  await it.hold(PKI.issue([NAME]), ["one"]);
  for (let passed = 0; passed < 1_000 && old.removals.length === 0; passed += 10) {
    await clock.advance(10);
    await rest();
  }

  assertEquals(old.removals, [FILE]);
});

test("a certificate is taken out once, also where two looks have seen that it is over", async ({ it, old, look, told }) => {
  await it.hold(PKI.issue([NAME]), ["one"]);
  await look();
  await it.service.withdraw({ balancer: "old", secretName: SECRET }, CALL); // planned before the other one had done it

  assertEquals([old.removals, told("certificate.withdrawn")], [[FILE], 1]);
});

test("a certificate stays until all the balancers serve it that it is linked with now", async ({ it, old, two, look }) => {
  two.away = true;
  await it.hold(PKI.issue([NAME]), ["one", "two"]);
  await look();
  assertEquals(old.removals, []);

  two.away = false;
  await look();
  assertEquals(old.removals, [FILE]);
});

test("a certificate that is linked with none any more stays where clients get it", async ({ it, old, look }) => {
  await it.hold(PKI.issue([NAME]), []);
  await look();
  assertEquals(old.removals, []);
});

test("a certificate that is linked with one that is not configured stays where clients get it", async (scene) => {
  await scene.it.hold(PKI.issue([NAME]), ["unknown"]);
  await scene.look();
  assertEquals(scene.old.removals, []);
});

test("a certificate stays at a balancer that a declared one is linked with", async ({ it, old, one, look }) => {
  await it.hold(PKI.issue([NAME]), ["one"]);
  await look();
  assertEquals([old.removals, one.memory.size], [[], 1]);
}, [intent("old")]);

test("a certificate stays at a balancer as long as an order for it may bring it back", async ({ it, old, look }) => {
  const url = (path: string): URL => new URL(`https://ca.test/${path}`);
  await it.records.orders.put("one", {
    id: "one",
    directory: url("directory"),
    account: url("account"),
    names: parseDnsNames([NAME]),
    intent: intent("old"),
    createdAt: new Date(),
    step: "parked",
    url: url("order"),
  }, CALL);
  await it.hold(PKI.issue([NAME]), ["one"]);
  await look();
  assertEquals(old.removals, []);

  await it.records.orders.remove("one", CALL);
  await look();
  assertEquals(old.removals, [FILE]);
});

test("what the former balancer does not give up is told once, and stays", async ({ it, old, look, told }) => {
  old.refusing = true;
  await it.hold(PKI.issue([NAME]), ["one"]);
  for (let i = 0; i < 5; i++) await look();
  assertEquals([old.removals.length, old.memory.size, told("balancer.alarm")], [1, 1, 1]);
});

test("a former balancer that is away gives the certificate up when it is back", async ({ it, old, look }) => {
  old.away = true;
  await it.hold(PKI.issue([NAME]), ["one"]);
  await look();
  assertEquals(old.memory.size, 1);

  old.away = false;
  await look();
  assertEquals(old.memory.size, 0);
});
