import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseDnsNames } from "../../src/model/dns_name.ts";
import { plan } from "../../src/model/plan.ts";
import type { RateLimit } from "../../src/model/rates.ts";
import { renewalTimes } from "../../src/model/renewal.ts";
import { defaultSecretName } from "../../src/model/secret_name.ts";
import { inWorld, type World } from "../support/failure_world.ts";
import { CALL } from "../support/fakes.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const ARI = { renewalInfo: true };

/** First names of the orders that were placed, in their order. */
function ordered(world: World): readonly string[] {
  return world.log().filter(({ endpoint, status }) => endpoint === "newOrder" && status === 201)
    .map(({ payload }) => (JSON.parse(payload!) as { identifiers: { value: string }[] }).identifiers[0]!.value);
}

const questions = (world: World): number => world.requests().filter((it) => it.startsWith("renewalInfo")).length;

/** Who comes later is patient: a head start of five seconds is as long as it takes. */
function letHeadStart({ clock }: World): void {
  const { sleep } = clock;
  clock.sleep = async (ms, call) => {
    if (ms === 5_000) await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
    await sleep(ms, call);
  };
}

/** The CA revokes the certificate of the case, and says so when it is asked next. */
async function revoke(world: World): Promise<void> {
  world.authority.revoke((await world.held()).serial);
  world.clock.move(6 * HOUR + 20 * MINUTE);
}

Deno.test("F-121: what the CA revoked is renewed before all others, as soon as the CA says so", () =>
  inWorld({ names: ["a.example.com"], others: [["b.example.com"]], authority: ARI }, async (world) => {
    await world.look();
    await using later = world.restart({}, ["missing.example.com"], [["b.example.com"], ["a.example.com"]]);
    world.fromNow();
    await revoke(world);
    letHeadStart(world);
    await world.look(); // the CA says
    const told = world.events.find(({ name }) => name === "renewal.recalled");
    assertStringIncludes(told?.text ?? "", "a.example.com to be replaced at once");

    await later.look();

    assertEquals(ordered(world), ["a.example.com", "missing.example.com"]);
    const all = world.requests();
    assert(all.indexOf("certificate 200") < all.lastIndexOf("newOrder 201"), "the others did not wait for it");
    await world.checkRenewed();
  }));

Deno.test("F-121: plan() puts what the CA has recalled before what is missing and what has expired", () =>
  inWorld({ names: ["a.example.com"], others: [["b.example.com"]] }, async ({ records, intent }) => {
    const all = (await records.certificates.list(CALL)).map(({ value }) => value);
    const other = all.find((it) => it.intent.secretName !== intent.secretName)!;
    const now = new Date(+other.facts.notAfter + DAY);
    const window = { start: new Date(+now - HOUR), end: now };
    const recalled = { draw: { window, at: now }, askedAt: now, askAt: now, failures: 0, recalls: 0 };
    const [name] = parseDnsNames(["missing.example.com"]);
    const missing = { ...intent, names: [name] as const, secretName: defaultSecretName(name) };
    const [held] = all.filter((it) => it.intent.secretName === intent.secretName);
    const planned = plan({
      declared: [missing, other.intent, intent],
      held: all,
      provable: () => true,
      attempts: new Map(),
      names: new Map(),
      renewals: new Map([[intent.secretName, { ...recalled, certId: held!.facts.certId! }]]),
      now,
      caNow: now,
    });
    assertEquals(planned.map(({ why }) => why), ["recalled", "missing", "lifetime"]);
  }));

for (
  const [why, said] of [
    [
      "a window that ends before it starts",
      '{"suggestedWindow":{"start":"2027-01-02T00:00:00Z","end":"2027-01-01T00:00:00Z"}}',
    ],
    ["a window without an end", '{"suggestedWindow":{"start":"2027-01-02T00:00:00Z"}}'],
    ["a window that is empty", '{"suggestedWindow":{"start":"2027-01-02T00:00:00Z","end":"2027-01-02T00:00:00Z"}}'],
    ["no window", "{}"],
    ["a web page", "<html><body>Sorry</body></html>"],
    ["404", "server-error@renewalInfo?status=404"],
    ["500 for a week", "server-error@renewalInfo?status=500"],
    ["500 with a web page", "server-error@renewalInfo?status=500&form=html"],
  ] as const
) {
  Deno.test(`F-122: a CA that says ${why} is asked seldom, and the certificate is renewed where a third is left`, () =>
    inWorld({ names: ["a.example.com"], authority: ARI }, async (world) => {
      const { renewAt } = renewalTimes(await world.held());
      if (said.startsWith("server")) world.authority.faults.set(said);
      else world.authority.setRenewalInfo((await world.held()).serial, said);
      world.fromNow();
      await world.pass(7 * DAY, 30 * MINUTE);
      const asked = questions(world);
      assert(asked >= 20 && asked <= 40, `${asked} questions in a week`);
      await world.check({});

      world.moveTo(new Date(+renewAt - 1));
      await world.look();
      assertEquals(world.made().orders, 0);
      world.moveTo(renewAt);
      await world.look();
      assertEquals(world.made(), { certificates: 1, orders: 1 });
      await world.checkRenewed();
    }));
}

for (
  const [value, hours, every, least, most] of [
    ["1", 1 / 2, MINUTE / 3, 20, 30], // each minute at most
    ["864000", 72, HOUR, 3, 4], // each day at least
    ["date:7200", 24, 10 * MINUTE, 10, 12],
    ["date:-7200", 1 / 2, MINUTE / 3, 20, 30], // past: as soon as may be
    ["soon", 24, 10 * MINUTE, 3, 4], // six hours
  ] as const
) {
  Deno.test(`F-122: renewal information with Retry-After ${value} is asked for ${least} to ${most} times in ${hours} h`, () =>
    inWorld({ names: ["a.example.com"], authority: ARI }, async (world) => {
      world.authority.faults.set(`retry-after@renewalInfo?value=${value}`);
      world.fromNow();
      await world.pass(hours * HOUR, every);
      const asked = questions(world);
      assert(asked >= least && asked <= most, `${asked} questions`);
      await world.check({});
    }));
}

for (const said of ["server-error@renewalInfo?status=500", "{}", "<html><body>Sorry</body></html>"]) {
  Deno.test(`F-122: a CA that loses its words (${said}) keeps the window that it had told`, () =>
    inWorld({ names: ["a.example.com"], authority: ARI }, async (world) => {
      await world.look();
      const { draw } = (await world.renewal())!;
      if (said.startsWith("server")) world.authority.faults.set(said);
      else world.authority.setRenewalInfo((await world.held()).serial, said);
      world.fromNow();
      await world.pass(2 * DAY, HOUR);
      assertEquals((await world.renewal())?.draw, draw);
      world.moveTo(draw!.at);
      await world.look();
      assertEquals(world.made(), { certificates: 1, orders: 1 });
      await world.checkRenewed();
    }));
}

Deno.test("F-124: with a window of 3.2 h and a restart each hour there is one order, in the window, free of limits", () =>
  inWorld({ names: ["a.example.com"], settings: { profile: "shortlived" }, authority: ARI }, async (world) => {
    await world.look();
    const { window } = (await world.renewal())!.draw!;
    assertEquals((+window.end - +window.start) / HOUR, 3.2);
    world.fromNow();
    for (let hour = 0; +world.clock.now() < +window.end + HOUR; hour++) {
      await using process = world.restart();
      await process.pass(HOUR, 10 * MINUTE);
    }
    assertEquals(world.made(), { certificates: 1, orders: 1 });
    const [order] = world.log().filter(({ endpoint }) => endpoint === "newOrder");
    assert(order!.at >= window.start && order!.at < window.end, order!.at.toISOString());
    assertStringIncludes(order!.payload!, '"replaces"');
    await world.checkRenewed();
  }));

/** Two orders, and then none for a day, not even for what is replaced. */
const TIGHT: RateLimit = { name: "orders", counts: "order", per: "account", capacity: 2, refillMs: DAY, exempt: [] };

Deno.test("F-130: what the CA revokes is ordered although our own count of its limits is used up; others wait", () =>
  inWorld({ names: ["a.example.com"], others: [["b.example.com"]], authority: ARI, limits: [TIGHT] }, async (world) => {
    await world.look();
    await using later = world.restart({}, ["missing.example.com"], [["b.example.com"], ["a.example.com"]]);
    world.fromNow();
    await revoke(world);
    await later.look(); // the CA says; what is missing has no turn
    assertEquals(ordered(world), []);

    await later.look();

    assertEquals(ordered(world), ["a.example.com"]);
    await world.checkRenewed({ code: "RATE_LIMITED" });
  }));

Deno.test("F-130: what the CA revokes does not wait for the rest after a limit of our own", () =>
  inWorld(
    { names: ["a.example.com"], authority: ARI, limits: [{ ...TIGHT, capacity: 1, refillMs: 100 * DAY }] },
    async (world) => {
      await world.look();
      await world.strike();
      await world.look();
      await world.check({ code: "RATE_LIMITED", says: /1 of 1 new orders/ });
      await revoke(world);
      await world.look();
      await world.look();
      assertEquals(world.made(), { certificates: 1, orders: 1 });
      await world.checkRenewed({ code: "RATE_LIMITED" });
    },
  ));

Deno.test("F-130: what the CA revokes while it limits us itself comes first when its Retry-After is over, and not before", () =>
  inWorld({ names: ["a.example.com"], others: [["b.example.com"]], authority: ARI, limits: [] }, async (world) => {
    await world.look();
    await using later = world.restart({}, ["missing.example.com"], [["b.example.com"], ["a.example.com"]]);
    world.fromNow();
    world.authority.faults.set("rate-limited?retry-after=36000&times=1");
    await later.look();
    assertEquals(ordered(world), []);
    letHeadStart(world);
    await revoke(world);
    await later.pass(3 * HOUR, 10 * MINUTE);
    assertEquals(world.requests().filter((it) => it.startsWith("newOrder")), ["newOrder 429"]);
    await later.pass(HOUR, 10 * MINUTE);
    assertEquals(ordered(world), ["a.example.com", "missing.example.com"]);
    await world.checkRenewed({ code: "CA_PROBLEM" });
  }));
