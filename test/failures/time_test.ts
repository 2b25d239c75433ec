import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeMetrics } from "../../plugin/metrics.ts";
import { systemClock, timersFor } from "../../plugin/clock.ts";
import { presentedAnswers } from "../../src/flow/answers.ts";
import { keeper } from "../../src/flow/keeper.ts";
import { plan } from "../../src/model/plan.ts";
import type { CertificateRecord } from "../../src/model/records.ts";
import { certificateSecrets } from "../../src/model/secret_name.ts";
import { renewalTimes } from "../../src/model/renewal.ts";
import type { Clock } from "../../src/ports.ts";
import { inWorld, type World } from "../support/failure_world.ts";
import { CALL } from "../support/fakes.ts";
import { harness } from "../support/flow_harness.ts";
import { start, tempDir } from "../support/process.ts";
import { ROOT } from "../support/sidecar.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const ARI = { renewalInfo: true };

/** The names of the orders that were asked for, in their order. */
function ordered(world: World): readonly string[] {
  return world.log().filter(({ endpoint, status }) => endpoint === "newOrder" && status === 201)
    .map(({ payload }) => (JSON.parse(payload!) as { identifiers: { value: string }[] }).identifiers)
    .map((identifiers) => identifiers.map(({ value }) => value).join(","));
}

/** What was told of the clock, in minutes: an answer of the CA names whole seconds. */
const skewed = (world: World): readonly number[] =>
  world.events.filter(({ name }) => name === "clock.skewed")
    .map(({ fields }) => Math.round(Number(fields?.["seconds"]) / 60));

for (const says of ["nothing against it", "that it was replaced"]) {
  Deno.test(`F-116: what has expired at start is first in the queue, and still served; the CA says ${says}`, () =>
    inWorld({
      names: ["a.example.com"],
      authority: ARI,
      settings: { profile: "shortlived" },
      // One order an hour: who comes first is seen by it.
      limits: [{ name: "orders", counts: "order", per: "account", capacity: 1, refillMs: HOUR, exempt: [] }],
    }, async (world) => {
      await using both = world.restart({}, ["b.example.com"], [["a.example.com"]]);
      world.clock.move(HOUR);
      await both.look();
      world.clock.move(62 * DAY);
      world.fromNow();
      if (says !== "nothing against it") world.authority.faults.set("problem@newOrder?type=alreadyReplaced&times=1");
      const { held, served } = (await world.service.explainCertificate("a.example.com", CALL))!;
      assert(held.includes("expired at") && served[0]!.startsWith("lb serves it"), `${held} ${served}`);

      await using started = world.restart({}, ["b.example.com"], [["a.example.com"]]);
      await started.look();

      assertEquals(ordered(world), ["a.example.com"]);
      await world.checkRenewed({ code: "RATE_LIMITED" }); // the other one waits for its turn
      const [first] = world.log().filter(({ endpoint }) => endpoint === "newOrder");
      assert(first!.payload!.includes('"replaces"'));
    }));
}

const FACTS = {
  subject: "",
  issuer: "",
  serial: "01",
  fingerprint: "",
  certId: "a.b",
  notBefore: new Date("2026-11-01T00:00:00Z"),
  notAfter: new Date("2027-01-29T23:59:59Z"),
};
const WINDOW = { start: new Date("2026-12-30T00:00:00Z"), end: new Date("2027-01-01T00:00:00Z") };
const LATE = { start: new Date("2027-01-29T00:00:00Z"), end: new Date("2027-02-01T00:00:00Z") };
const DRAWN = new Date("2026-12-30T06:00:00Z");
const TIMES = renewalTimes(FACTS);

for (
  const [where, at, window, expected] of [
    ["a millisecond before the start of the window", +WINDOW.start - 1, "drawn", "fresh"],
    ["the start of the window", +WINDOW.start, "drawn", "fresh"],
    ["a millisecond before the drawn instant", +DRAWN - 1, "drawn", "fresh"],
    ["the drawn instant", +DRAWN, "drawn", "window"],
    ["the end of the window", +WINDOW.end, "drawn", "window"],
    ["a millisecond before a third is left", +TIMES.renewAt - 1, "none", "fresh"],
    ["the instant when a third is left", +TIMES.renewAt, "none", "lifetime"],
    ["a millisecond before the emergency line", +TIMES.emergencyAt - 1, "late", "fresh"],
    ["the emergency line", +TIMES.emergencyAt, "late", "emergency"],
    ["a second before the end", +FACTS.notAfter - SECOND, "none", "lifetime"],
    ["the end", +FACTS.notAfter, "none", "lifetime"],
  ] as const
) {
  Deno.test(`F-117: plan() decides once and rightly at ${where}`, async () => {
    await inWorld({ names: ["a.example.com"] }, async ({ records, intent }) => {
      const { value } = (await records.certificates.get(intent.secretName, CALL))!;
      const record: CertificateRecord = { ...value, facts: { ...FACTS, names: intent.names } };
      const draw = window === "late" ? { window: LATE, at: FACTS.notAfter } : { window: WINDOW, at: DRAWN };
      const known = { certId: "a.b", draw, askedAt: DRAWN, askAt: DRAWN };
      const now = new Date(at);
      const planned = plan({
        declared: [intent],
        held: [record],
        provable: () => true,
        attempts: new Map(),
        names: new Map(),
        renewals: window === "none" ? new Map() : new Map([[intent.secretName, { ...known, failures: 0, recalls: 0 }]]),
        now,
        caNow: now,
      });
      assertEquals(planned.map(({ why }) => why), [expected]);
    });
  });
}

for (
  const [where, instant, orders] of [
    ["the start of the window", "start", 0],
    ["the drawn instant", "drawn", 1],
    ["the end of the window", "end", 1],
    ["a second before the end of the certificate", "last", 1],
    ["the end of the certificate", "notAfter", 1],
  ] as const
) {
  Deno.test(`F-117: three looks at ${where} place ${orders} orders together`, () =>
    inWorld({ authority: ARI }, async (world) => {
      await world.look(); // the window is learnt
      const { draw } = (await world.renewal())!;
      const { notAfter } = await world.held();
      const instants = {
        start: draw!.window.start,
        drawn: draw!.at,
        end: draw!.window.end,
        last: new Date(+notAfter - SECOND),
        notAfter,
      };
      world.moveTo(instants[instant]);
      world.fromNow();

      await Promise.all([world.look(), world.look()]);
      await world.look();

      assertEquals(world.made(), { certificates: orders, orders });
      await (orders === 0 ? world.check({}) : world.checkRenewed());
    }));
}

for (
  const [where, ms] of [
    ["a day ahead", DAY],
    ["a day back", -DAY],
    ["to 1970", -Date.parse("2026-12-01T00:00:00Z")],
    ["to 2106", Date.parse("2106-02-07T06:28:16Z") - Date.parse("2026-12-01T00:00:00Z")],
  ] as const
) {
  Deno.test(`F-118: a clock that is set ${where} renews nothing, holds nothing up, and is told once, as is its return`, () =>
    inWorld({ authority: ARI, others: [["b.example.com"], ["c.example.com"]] }, async (world) => {
      await world.look();
      world.moveTo(new Date(+(await world.renewal())!.draw!.window.start - 2 * HOUR));
      await world.look();
      world.fromNow();

      world.setClock(ms);
      await world.pass(HOUR, 10 * MINUTE);

      assertEquals(world.made(), { certificates: 0, orders: 0 });
      assertEquals(skewed(world), [-Math.round(ms / MINUTE)]);
      await world.check({});

      await world.pass(3 * DAY, 20 * MINUTE);
      assertEquals(world.made(), { certificates: 3, orders: 3 });
      await world.checkRenewed();

      world.setClock(-ms);
      await world.pass(7 * HOUR, 30 * MINUTE);
      assertEquals(skewed(world), [-Math.round(ms / MINUTE)]);
      assertEquals(world.events.filter(({ name }) => name === "clock.right").length, 1);
      assertEquals(world.made(), { certificates: 3, orders: 3 });
    }));
}

Deno.test("F-118: a difference of five minutes to the CA is told, one of less is not, and another one is told again", () =>
  inWorld({ authority: ARI }, async (world) => {
    const after = async (ms: number): Promise<readonly number[]> => {
      world.setClock(ms);
      await world.pass(7 * HOUR, HOUR);
      return skewed(world);
    };
    world.fromNow();
    assertEquals(await after(4 * MINUTE), []);
    assertEquals(await after(2 * MINUTE), [-6]);
    assertEquals(await after(2 * MINUTE), [-6], "two minutes more are no news");
    assertEquals(await after(HOUR), [-6, -68]);
    assertEquals(await after(-2 * HOUR), [-6, -68, 52]);
    const metrics = makeMetrics();
    for (const event of world.events) metrics.emit(event);
    const exposition = await metrics.exposition(world.service, world.records, CALL);
    assertMatch(exposition, /^kontena_clock_skew_seconds\{\} 31[12]\d$/m);
    assertMatch(exposition, /^kontena_clock_skewed_total\{\} 3$/m);
    await world.check({});
  }));

for (
  const [change, instant] of [
    ["that is skipped", "2027-03-28T01:30:00.000Z"],
    ["that comes twice", "2026-10-25T00:30:00.000Z"],
  ] as const
) {
  Deno.test(`F-119: what is written down at a local time ${change} in one zone is the same instant in another`, () =>
    inWorld({ names: ["a.example.com"] }, async ({ vault, intent }) => {
      using folder = tempDir();
      const CERTIFICATE = (await vault.read(certificateSecrets(intent.secretName).certificate, CALL))!.value;
      const env = { CERTIFICATE, INSTANT: instant };
      const told: Record<string, unknown>[] = [];
      for (const [mode, TZ] of [["write", "Europe/Berlin"], ["read", "America/St_Johns"], ["read", "UTC"]] as const) {
        await using probe = start(Deno.execPath(), {
          args: ["run", "-A", "--quiet", `${ROOT}test/support/zone_probe.ts`, mode, folder.path],
          env: { ...env, TZ },
        });
        assertEquals(await probe.exit, 0, probe.output());
        told.push(JSON.parse(probe.output()));
      }
      const [[here, ...there], locals] = [
        told.map(({ local: _, ...rest }) => rest),
        new Set(told.map(({ local }) => local)),
      ];
      assertEquals(there, [here, here]);
      assertEquals((here!["found"] as { askAt: string }).askAt, instant);
      assertEquals(locals.size, 3, "the zones are as they were set");
    }));
}

Deno.test("F-119: a window of the CA that begins in a leap second is none, and nothing is shifted by it", () =>
  inWorld({ authority: ARI }, async (world) => {
    const { serial } = await world.held();
    const suggestedWindow = { start: "2026-12-31T23:59:60Z", end: "2027-01-02T00:00:00Z" };
    world.authority.setRenewalInfo(serial, JSON.stringify({ suggestedWindow }));
    await world.look();
    const { renewAt } = renewalTimes(await world.held());
    world.fromNow();
    world.moveTo(new Date(+renewAt - 1));
    await world.look();
    assertEquals(world.made().orders, 0);
    world.moveTo(renewAt);
    await world.look();
    assertEquals(world.made().orders, 1);
    await world.checkRenewed();
  }));

Deno.test("F-120: a machine that slept for three days across the window renews with the first look after it wakes", () =>
  inWorld({ authority: ARI }, async (world) => {
    await world.look();
    world.moveTo(new Date(+(await world.renewal())!.draw!.window.start - DAY));
    await world.look();
    world.fromNow();
    assertEquals(world.made().orders, 0);

    world.clock.move(3 * DAY);
    await world.look();

    assertEquals(world.made(), { certificates: 1, orders: 1 });
    await world.checkRenewed();
  }));

for (const random of [0.1, 0.9]) {
  Deno.test(`F-120: machines that wake together do not look together: one that draws ${random} waits ${random * 5} s`, async () => {
    const stop = new AbortController();
    const sleeps: number[] = [];
    let now = Date.parse("2026-06-01T00:00:00Z");
    const clock: Clock = {
      now: () => new Date(now),
      random: () => random,
      sleep(ms): Promise<void> {
        now += ms + (sleeps.length === 0 ? 3 * DAY : 0);
        if (sleeps.push(ms) > 1) stop.abort();
        return Promise.resolve();
      },
    };
    const it = await harness({ clock, settings: { agreeTos: false } });
    await keeper(it.parts, it.service, presentedAnswers(it.parts), []).run({ signal: stop.signal });
    assertEquals(sleeps[1], random * 5_000);
    assertEquals(it.events.map(({ name }) => name), ["clock.jumped"]);
  });
}

Deno.test("F-127: no timer is longer than setTimeout can count, and a sleep of 60 days is one", async () => {
  for (const ms of [2 ** 31 - 1, 2 ** 31, 60 * DAY, 400 * DAY]) {
    const timers = [...timersFor(ms)];
    assert(timers.every((it) => it > 0 && it < 2 ** 31));
    assertEquals(timers.reduce((sum, it) => sum + it, 0), ms);
  }
  const over = new AbortController();
  let awake = false;
  const sleep = systemClock.sleep(60 * DAY, { signal: over.signal }).then(() => awake = true, () => {});
  await systemClock.sleep(5, CALL); // a timer that is too long fires after a millisecond
  assert(!awake);
  over.abort();
  await sleep;
});
