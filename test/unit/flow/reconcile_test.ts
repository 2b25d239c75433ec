import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { bundlePem } from "../../../src/model/certificate.ts";
import { bundleFile, certificateSecrets } from "../../../src/model/secret_name.ts";
import { CALL } from "../../support/fakes.ts";
import { type FakeClock, fakeClock } from "../../support/fake_clock.ts";
import { testPki } from "../../support/pki.ts";
import { until } from "../../support/process.ts";
import { type ReconcileStage, reconcileStage } from "../../support/reconcile_stage.ts";
import { type ServingBalancer, servingBalancer } from "../../support/serving_balancer.ts";

const PKI = testPki();
const NAME = "www.example.com";
const FILE = "LE_CERTIFICATE_www_example_com.pem";
const HOUR = 3_600_000;

interface Scene {
  readonly it: ReconcileStage;
  readonly lb: ServingBalancer;
  readonly clock: FakeClock;
  told(name: string): number;
}

function test(name: string, run: (scene: Scene) => Promise<void>): void {
  Deno.test(name, async () => {
    const clock = fakeClock(new Date());
    const lb = servingBalancer();
    await using it = await reconcileStage([lb], { clock });
    await run({ it, lb, clock, told: (name) => it.events.filter((event) => event.name === name).length });
  });
}

/** Lets time pass until something has happened. */
async function moved(clock: FakeClock, happened: () => boolean): Promise<void> {
  await until("it has happened", async () => {
    await clock.advance(10);
    return happened();
  });
}

test("reconcile gives a balancer what it was never given, once", async ({ it, lb, clock }) => {
  const bundle = PKI.issue([NAME]);
  await it.hold(bundle, ["lb"]);
  for (let i = 0; i < 40; i++) {
    await it.look();
    await clock.jump(30_000);
  }
  assertEquals(lb.swaps, [[FILE, bundle.facts.fingerprint]]);
  assertEquals((await it.records.deployments.list(CALL)).map((row) => row.value.state), ["served"]);
});

test("reconcile leaves a balancer that refuses alone for an hour, and never swaps more often", async (scene) => {
  const { it, lb, clock } = scene;
  lb.refusing = true;
  await it.hold(PKI.issue([NAME]), ["lb"]);
  const swappedAt: number[] = [];
  for (let minute = 0; minute < 25 * 60; minute++) {
    await it.look();
    if (lb.swaps.length > swappedAt.length) swappedAt.push(minute);
    await clock.jump(60_000);
  }
  const gaps = swappedAt.map((minute, i) => minute - (swappedAt[i - 1] ?? 0)).slice(1);
  assert(swappedAt.length > 20 && gaps.every((gap) => gap >= 60 && gap <= 70), `${gaps}`);
  assertEquals([scene.told("certificate.held"), scene.told("balancer.alarm")], [swappedAt.length, 1]);
});

test("reconcile tries what was refused again when the balancer was started anew, but not for ever", async (scene) => {
  const { it, lb, clock } = scene;
  lb.refusing = true;
  await it.hold(PKI.issue([NAME]), ["lb"]);
  await it.look();
  assertEquals(lb.swaps.length, 1);
  for (let i = 0; i < 100; i++) {
    lb.worker++; // it may be the certificate that ends it
    await it.look();
  }
  assertEquals(lb.swaps.length, 4);
  lb.refusing = false;
  await clock.jump(1.2 * HOUR);
  await it.look();
  assertEquals(lb.memory.size, 1);
});

test("reconcile tries a newer bundle at once where the former one is held", async ({ it, lb, clock }) => {
  lb.refusing = true;
  await it.hold(PKI.issue([NAME]), ["lb"]);
  it.start();
  await moved(clock, () => lb.swaps.length === 1);
  lb.refusing = false;
  const newer = PKI.issue([NAME]);
  await it.hold(newer, ["lb"]);
  await moved(clock, () => lb.swaps.length === 2);

  assertEquals(lb.memory.get(FILE)?.fingerprint, newer.facts.fingerprint);
});

test("reconcile gives a balancer that comes back the newest version, not each", async (scene) => {
  const { it, lb, clock } = scene;
  lb.away = true;
  it.start();
  for (let i = 0; i < 3; i++) {
    await it.hold(PKI.issue([NAME]), ["lb"]);
    await clock.advance(5_000);
  }
  assertEquals([lb.swaps, scene.told("balancer.away")], [[], 1]);
  const newest = PKI.issue([NAME]);
  await it.hold(newest, ["lb"]);
  lb.away = false;
  await moved(clock, () => lb.memory.size === 1);
  assertEquals(lb.swaps, [[FILE, newest.facts.fingerprint]]);
  assertEquals(scene.told("balancer.back"), 1);
});

const DISTURBED: readonly (readonly [string, (lb: ServingBalancer) => void])[] = [
  ["was started anew with an old file", (lb) => {
    lb.worker++;
    lb.disk.set(FILE, "old");
    lb.memory.set(FILE, { loaded: true, sha1: "old", fingerprint: "old" });
  }],
  ["was started anew without the file", (lb) => {
    lb.worker++;
    lb.disk.clear();
    lb.memory.clear();
  }],
  ["has another file on disk", (lb) => void lb.disk.set(FILE, "another")],
  ["has another certificate in memory", (lb) => {
    lb.memory.set(FILE, { loaded: true, sha1: "another", fingerprint: "another" });
  }],
  ["serves another certificate than it says", (lb) => {
    lb.memory.set(FILE, { ...lb.memory.get(FILE)!, fingerprint: "another" });
  }],
];
for (const [why, disturb] of DISTURBED) {
  test(`reconcile puts right a balancer that ${why}`, async ({ it, lb, clock }) => {
    const bundle = PKI.issue([NAME]);
    await it.hold(bundle, ["lb"]);
    await it.look();
    const before = new Map(lb.memory);
    disturb(lb);
    for (let i = 0; i < 30; i++) {
      await clock.jump(30_000);
      await it.look();
    }

    assertEquals([new Map(lb.memory), lb.swaps.length], [before, 2]);
    assertEquals(it.events.filter((event) => event.name === "balancer.drift").length, 1);
  });
}

/** Somebody writes over the file. */
function writeOver({ lb }: Scene, file = FILE): void {
  lb.disk.set(file, "another");
  lb.changes.add(file);
}

test("reconcile puts a file right as soon as the balancer tells that it was changed", async (scene) => {
  const { it, lb, clock } = scene;
  await it.hold(PKI.issue([NAME]), ["lb"]);
  it.start();
  await moved(clock, () => lb.swaps.length === 1);
  const before = new Map(lb.disk);
  const began = clock.now().getTime();
  writeOver(scene);
  await moved(clock, () => lb.swaps.length === 2);

  assert(clock.now().getTime() - began < 2_000);
  assertEquals([new Map(lb.disk), scene.told("balancer.drift")], [before, 1]);
});

test("reconcile does not fight without end with somebody who changes a file again and again", async (scene) => {
  const { it, lb, clock } = scene;
  await it.hold(PKI.issue([NAME]), ["lb"]);
  it.start();
  await moved(clock, () => lb.swaps.length === 1);
  const perMinute: number[] = [];
  for (let minute = 0; minute < 5; minute++) {
    const before = lb.swaps.length;
    for (let second = 0; second < 60; second++) {
      writeOver(scene);
      await clock.advance(1_000);
      await until("what the change led to is done", () => clock.sleeping > 0);
    }
    perMinute.push(lb.swaps.length - before);
  }
  assert(perMinute.every((swaps) => swaps >= 6 && swaps <= 3 * 6), `${perMinute}`);
});

test("reconcile looks at everything where many files were changed at once", async (scene) => {
  const { it, lb, clock } = scene;
  const names = Array.from({ length: 80 }, (_, i) => `n${i}.example.com`);
  const bundle = PKI.issue([NAME]);
  await it.hold(bundle, ["lb"]);
  it.start();
  await moved(clock, () => lb.swaps.length === 1);
  const asked: number[] = [];
  const { inventory } = lb;
  lb.inventory = (question, call) => {
    asked.push(question.files.length);
    return inventory(question, call);
  };
  for (const name of names) lb.changes.add(`LE_CERTIFICATE_${name.replaceAll(".", "_")}.pem`);
  writeOver(scene);
  await moved(clock, () => lb.swaps.length === 2);
  assertEquals(asked, [1]);
});

/** Versions one after the other; those in `bad` are refused. */
async function versions({ it, lb, clock }: Scene, count: number, bad: readonly number[]): Promise<readonly string[]> {
  const fingerprints: string[] = [];
  for (let i = 0; i < count; i++) {
    const bundle = PKI.issue([NAME]);
    fingerprints.push(bundle.facts.fingerprint);
    if (bad.includes(i)) lb.refused.add(bundle.facts.fingerprint);
    await it.hold(bundle, ["lb"]);
    await it.look();
    await clock.jump(60_000);
  }
  return fingerprints;
}

test("reconcile has a balancer serve the last version that was good, while newer ones are held", async (scene) => {
  const { it, lb, clock } = scene;
  const [, good, , newest] = await versions(scene, 4, [2, 3]);
  const held = async (): Promise<unknown> => {
    const [record] = (await it.records.deployments.list(CALL)).map((row) => row.value);
    return record?.state === "held" && [record.fingerprint, record.reason, record.standIn?.fingerprint];
  };
  const swaps = lb.swaps.length;
  for (let i = 0; i < 10; i++) {
    await it.look();
    await clock.jump(60_000);
  }
  assertEquals([lb.swaps.length, await held()], [swaps, [newest, "it refuses", good]]);

  for (let i = 0; i < 5; i++) {
    lb.worker++;
    lb.disk.set(FILE, "old");
    lb.memory.set(FILE, { loaded: true, sha1: "old", fingerprint: "old" });
    await it.look();
    assertEquals([lb.memory.get(FILE)?.fingerprint, await held()], [good, [newest, "it refuses", good]]);
  }
  assertEquals(it.events.filter((event) => event.name === "balancer.alarm").length, 0);

  lb.refused.clear();
  await clock.jump(1.2 * HOUR);
  await it.look();
  assertEquals(lb.memory.get(FILE)?.fingerprint, newest);
});

test("reconcile tries each version before once, where none was seen to be good", async (scene) => {
  const { it, lb, clock } = scene;
  lb.away = true;
  const all = await versions(scene, 3, [1, 2]);
  lb.away = false;
  await it.look();
  assertEquals(lb.swaps.map(([, fingerprint]) => all.indexOf(fingerprint)), [2, 1, 0]);
  assertEquals([lb.memory.get(FILE)?.fingerprint, scene.told("certificate.stand_in")], [all[0], 2]);

  for (let minute = 0; minute < 50; minute++) {
    await clock.jump(60_000);
    await it.look();
  }
  assertEquals(lb.swaps.length, 3);
});

test("reconcile says once that there is no version before that could stand in", async (scene) => {
  const { it, lb, clock } = scene;
  const [good] = await versions(scene, 2, [1]);
  const { bundle } = certificateSecrets((await it.records.certificates.list(CALL))[0]!.value.intent.secretName);
  const newest = (await it.vault.read(bundle, CALL))!.value;
  await it.vault.remove(bundle, CALL);
  await it.vault.write([{ name: bundle, value: newest }], CALL);
  lb.worker++;
  lb.disk.clear();
  lb.memory.clear();
  for (let minute = 0; minute < 50; minute++) {
    await it.look();
    await clock.jump(60_000);
  }
  assertEquals([lb.memory.size, lb.swaps.filter(([, it]) => it === good).length], [0, 1]);
  const alarms = it.events.filter((event) => event.name === "balancer.alarm").map((event) => event.text);
  assertEquals(alarms.length, 1);
  assertStringIncludes(alarms[0]!, "no earlier version that the balancer could serve meanwhile");
});

test("reconcile takes out what was removed from the vault", async ({ it, lb, clock }) => {
  const secretName = await it.hold(PKI.issue([NAME]), ["lb"]);
  it.start();
  await moved(clock, () => lb.disk.size === 1);
  await it.vault.remove(certificateSecrets(secretName).bundle, CALL);
  await moved(clock, () => lb.removals.length === 1);

  assertEquals([lb.removals, lb.disk.size], [[bundleFile(secretName)], 0]);
  assertEquals(await it.records.deployments.list(CALL), []);
});

test("reconcile does not ask again and again for what a balancer does not give up", async (scene) => {
  const { it, lb } = scene;
  const secretName = await it.hold(PKI.issue([NAME]), ["lb"]);
  await it.look();
  lb.refusing = true;
  await it.vault.remove(certificateSecrets(secretName).bundle, CALL);
  for (let i = 0; i < 10; i++) await it.look();

  assertEquals([lb.removals.length, scene.told("balancer.alarm")], [1, 1]);
});

test("reconcile leaves alone what the vault cannot give, and says so once", async (scene) => {
  const { it, lb, clock } = scene;
  const bundle = PKI.issue([NAME]);
  const secretName = await it.hold(bundle, ["lb"]);
  it.start();
  await moved(clock, () => lb.swaps.length === 1);
  await it.vault.write([{ name: certificateSecrets(secretName).bundle, value: "no bundle" }], CALL);
  await moved(clock, () => scene.told("balancer.alarm") === 1);
  await clock.advance(60_000);
  assertEquals([lb.memory.get(FILE)?.fingerprint, lb.swaps.length], [bundle.facts.fingerprint, 1]);
  assertEquals(scene.told("balancer.alarm"), 1);

  const other = PKI.issue([NAME]);
  await it.vault.write([{ name: certificateSecrets(secretName).bundle, value: bundlePem(other) }], CALL);
  await moved(clock, () => lb.swaps.length === 2);
  assertEquals(lb.memory.get(FILE)?.fingerprint, other.facts.fingerprint);
});
