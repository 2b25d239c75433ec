import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { AcmeProblemError } from "../../src/model/errors.ts";
import { HABITS } from "../ca/mod.ts";
import { CALL } from "../support/fakes.ts";
import { inWorld, type World, type WorldOptions } from "../support/failure_world.ts";

const SEED = "failures-3";
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const asked = (world: World, endpoint: string): number =>
  world.log().filter((it) => it.endpoint === endpoint && it.faults?.includes("reset-before") !== true).length;

/** Names that are quarantined and released, in turn. */
const quarantine = (world: World): readonly string[] =>
  world.events.filter(({ name }) => name.startsWith("name.")).map(({ name, fields }) =>
    `${name} ${fields?.["domain"]}`
  );

/** The keeper looks every ten minutes while that time passes. */
async function lookFor(world: World, ms: number): Promise<void> {
  const { clock } = world;
  for (const end = clock.now().getTime() + ms; clock.now().getTime() < end; clock.move(10 * MINUTE)) await world.look();
}

const fifth = (i: number): readonly string[] => many(25).slice(i * 5, i * 5 + 5);

const many = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `n${i}.example.com`);

Deno.test("F-35: where all authorizations are valid already, no challenge is asked for", () =>
  inWorld({ authority: { authorizationLifetimeMs: 365 * DAY } }, async (world) => {
    await world.strike();
    await world.lookUntilRenewed();
    await world.checkRenewed();
    assertEquals([asked(world, "challenge"), asked(world, "authorization")], [0, 0]);
  }));

Deno.test(`F-36: half of 25 authorizations are valid, all in any order (seed ${SEED})`, () =>
  inWorld({
    names: many(25),
    authority: {
      like: "pebble",
      seed: SEED,
      authorizationLifetimeMs: 365 * DAY,
      profiles: { p: HABITS.gts.profiles![""]! },
    },
  }, async (world) => {
    await world.strike();
    await world.lookUntilRenewed();
    await world.checkRenewed();
    const proven = asked(world, "challenge");
    assert(proven > 3 && proven < 22, `${proven} were proven`);
  }));

for (const said of ["yes", "no"]) {
  Deno.test(`F-37: an order that is invalid at once is reported; the CA says why: ${said}`, () =>
    inWorld({}, async (world) => {
      await world.strike(
        `order-invalid@newOrder${said === "no" ? ",order" : ""}?said=${said}&detail=The+moon+is+full&times=1`,
      );
      await world.look();
      await world.check({ code: "CHALLENGE_FAILED", ...(said === "yes" ? { says: /The moon is full/ } : {}) });
      await world.lookUntilRenewed();
      await world.checkRenewed({ code: "CHALLENGE_FAILED" });
      assertEquals(world.made(), { certificates: 1, orders: 2 });
    }));
}

for (const as of ["deactivated", "revoked", "expired"]) {
  Deno.test(`F-38: authorizations that are ${as} before finalize cost one order more, after the backoff`, () =>
    inWorld({}, async (world) => {
      await world.strike(`authorization-ended?as=${as}&times=1`);
      await world.look();
      await world.check({ code: "CHALLENGE_FAILED" });
      await world.look();
      assertEquals(asked(world, "newOrder"), 1, "before the backoff is over");
      await world.lookUntilRenewed();
      await world.checkRenewed({ code: "CHALLENGE_FAILED" });
      assertEquals(world.made(), { certificates: 1, orders: 2 });
    }));
}

Deno.test("F-39: of 25 names two fail: both are told, and no pending authorization is deactivated", () =>
  inWorld({ names: many(25) }, async (world) => {
    await world.strike(
      "validation-fails?name=n3.example.com&detail=Third",
      "validation-fails?name=n9.example.com&detail=Ninth",
    );
    await world.look();
    await world.check({ code: "CHALLENGE_FAILED", says: /n3\.example\.com: Third.*n9\.example\.com: Ninth/ });
    assert(!world.log().some(({ payload }) => payload?.includes("deactivated")));
    await world.look();
    assertEquals(asked(world, "newOrder"), 1, "failures per name and hour are counted by the CA");
  }));

Deno.test("F-39: of 25 names in five certificates one fails: four are served at once, and it fails about once an hour at most", () =>
  inWorld(
    { fresh: true, names: [...fifth(0).slice(1), "bad.example.com"], others: [1, 2, 3, 4].map(fifth) },
    async (world) => {
      const begin = world.clock.now().getTime();
      world.authority.faults.set("validation-fails?name=bad.example.com&type=dns&detail=NXDOMAIN");
      const served = async (): Promise<number> =>
        (await world.service.certificates(CALL)).filter((it) => it.deployments[0]?.state === "served").length;
      await world.look();
      assertEquals(await served(), 4);
      await lookFor(world, 2 * DAY);
      await world.check({ code: "CHALLENGE_FAILED", says: /bad\.example\.com: NXDOMAIN \(dns\)/ });
      const orders = world.log().filter(({ endpoint, payload }) =>
        endpoint === "newOrder" && payload!.includes("bad.")
      );
      const at = orders.map((it) => (it.at.getTime() - begin) / MINUTE);
      const waits = at.slice(3).map((it, i) => it - at[i + 2]!);
      assert(at.length > 8 && waits.every((it) => it > 54), `orders after ${at.map(Math.round)} minutes`);
      assertEquals(quarantine(world), ["name.quarantined bad.example.com"]);
      assertEquals(await served(), 4);

      world.authority.faults.clear();
      await lookFor(world, DAY / 3);
      assertEquals(await served(), 5);
      assertEquals(quarantine(world), ["name.quarantined bad.example.com", "name.released bad.example.com"]);
      assertEquals(await world.records.names.list(CALL), []);
    },
  ));

Deno.test("F-39: a certificate that leaves the bad name out is not held", () =>
  inWorld({ fresh: true, names: ["bad.example.com", "www.example.com"] }, async (world) => {
    world.authority.faults.set("validation-fails?name=bad.example.com");
    await lookFor(world, 30 * MINUTE);
    assertEquals(quarantine(world), ["name.quarantined bad.example.com"]);
    await using changed = world.restart({}, ["www.example.com"]);
    await changed.look();
    assertEquals((await world.service.certificates(CALL)).map((it) => it.deployments[0]?.state), ["served"]);
    assertEquals(quarantine(world).at(-1), "name.released bad.example.com", "no certificate wants it any more");
  }));

Deno.test("F-40: a name that the CA refuses is told by name, and asked for again only by a person; others are issued", () =>
  inWorld({
    fresh: true,
    names: ["good.example.com", "bad.example.net"],
    others: [["other.example.com"]],
    authority: { blocked: ["example.net"] },
  }, async (world) => {
    await world.look();
    await world.check({ code: "CA_PROBLEM", says: /bad\.example\.net.*forbidden by policy.*not again by itself/ });
    assertEquals((await world.service.certificates(CALL)).map((it) => it.record.intent.names[0] as string), [
      "other.example.com",
    ]);
    await lookFor(world, 3 * DAY);
    await using after = world.restart();
    await lookFor(after, 3 * DAY);
    const bad = (): number => world.log().filter(({ payload }) => payload?.includes("bad.example.net")).length;
    assertEquals(bad(), 1);
    const told = await after.service.explainCertificate("good.example.com", CALL);
    assertMatch(told!.next, /held back: bad\.example\.net.*once.*forbidden by policy.*leave it out/);

    await assertRejects(() => after.service.request({ domains: world.intent.names }, CALL), AcmeProblemError);
    await lookFor(after, DAY);
    assertEquals(bad(), 2);
  }));

Deno.test("F-41: more names than the CA takes are told in its words", () =>
  inWorld({ fresh: true, names: many(26), authority: { maxNames: 25 } }, async (world) => {
    await world.look();
    await world.check({ code: "CA_PROBLEM", says: /more than 25 identifiers/ });
  }));

Deno.test("F-42: where no challenge of ours is offered, none is asked for", () =>
  inWorld({}, async (world) => {
    await world.strike("challenges-missing");
    await world.look();
    await world.check({ code: "CHALLENGE_NOT_OFFERED", says: /moon-01/ });
    assertEquals(asked(world, "challenge"), 0);
  }));

for (const again of ["none", "20", "86400", "date:86400"]) {
  Deno.test(`F-43: ten minutes of validation take less than 25 looks, Retry-After ${again}`, () =>
    inWorld({}, async (world) => {
      await world.strike(`validation-slow@order,authorization?seconds=590&retry-after=${again}`);
      await world.lookUntilRenewed();
      await world.checkRenewed(world.events.some(({ level }) => level === "error") ? { code: "ORDER_TIMEOUT" } : {});
      assert(asked(world, "order") < (again === "20" ? 35 : 25), `${asked(world, "order")} looks`);
      assertEquals(world.made(), { certificates: 1, orders: 1 });
    }));
}

Deno.test("F-43: a validation that takes an hour goes on in the next process", () =>
  inWorld({}, async (world) => {
    await world.strike("validation-slow?seconds=3600");
    await world.look();
    await world.check({ code: "ORDER_TIMEOUT" });
    await using after = world.restart();
    await after.lookUntilRenewed();
    await world.checkRenewed({ code: "ORDER_TIMEOUT" });
    assertEquals(world.made(), { certificates: 1, orders: 1 });
    assertEquals(asked(world, "challenge"), 2, "each name is told once");
  }));

Deno.test("F-44: a CA like ZeroSSL says a day on authorizations and 15 s on orders: issued within minutes, in less than 25 looks", () =>
  inWorld(
    { authority: { like: "zerossl", challenges: HABITS.zerossl.challenges!, externalAccounts: {} } },
    async (world) => {
      await world.strike();
      const begin = world.clock.now().getTime();
      await world.lookUntilRenewed();
      await world.checkRenewed();
      assert(world.clock.now().getTime() - begin < 10 * MINUTE);
      assert(world.log().length < 25, `${world.log().length} requests`);
    },
  ));

Deno.test("F-45: a challenge that stays pending after a failure, as step-ca's, is asked for again, once an attempt", () =>
  inWorld({ names: ["www.example.com"], authority: { like: "step-ca" } }, async (world) => {
    await world.strike("validation-fails?as=pending&type=connection&times=2");
    await world.lookUntilRenewed();
    await world.checkRenewed({ code: "ORDER_TIMEOUT" });
    assertEquals([asked(world, "challenge"), world.made().orders], [3, 1]);
  }));

for (const options of [{ finalize: "processing" }, { finalize: "valid" }, { issuanceDelayMs: MINUTE }] as const) {
  Deno.test(`F-46: finalize without a Location: the order's URL is known (${JSON.stringify(options)})`, () =>
    inWorld({ authority: { finalizeLocation: false, ...options } }, async (world) => {
      await world.strike();
      await world.lookUntilRenewed();
      await world.checkRenewed();
      assertEquals(world.made(), { certificates: 1, orders: 1 });
    }));
}

for (const again of ["none", "86400"]) {
  Deno.test(`F-47: three days of processing (Retry-After ${again}) cost no second order, and are told`, () =>
    inWorld({}, async (world) => {
      await world.strike(`processing?seconds=259200&retry-after=${again}`);
      await world.lookUntilRenewed(40);
      await world.checkRenewed({ code: "ORDER_TIMEOUT", says: /still processing/ });
      assertEquals(world.made(), { certificates: 1, orders: 1 });
      assertEquals(asked(world, "finalize"), 1);
    }));
}

const refusals: readonly (readonly [name: string, fault: string, options?: WorldOptions])[] = [
  ["F-48: finalize that is refused as too early is tried again with the same order", "order-not-ready?times=1"],
  ["F-49: a CSR that is refused once leaves the order as it is", "problem@finalize?type=badCSR&times=1"],
];
for (const [name, fault] of refusals) {
  Deno.test(name, () =>
    inWorld({}, async (world) => {
      await world.strike(fault);
      await world.look();
      await world.check({ code: "CA_PROBLEM" });
      await world.look();
      assertEquals(asked(world, "finalize"), 1, "before the backoff is over");
      await world.lookUntilRenewed();
      await world.checkRenewed({ code: "CA_PROBLEM" });
      assertEquals(world.made(), { certificates: 1, orders: 1 });
    }));
}

Deno.test("F-49: a CSR that is refused for ever is corrected once, by another key, then the order rests for a day", () =>
  inWorld({}, async (world) => {
    await world.strike("problem@finalize?type=badCSR&detail=Not+like+this");
    await lookFor(world, DAY / 2);
    await world.check({ code: "CA_PROBLEM", says: /Not like this.*corrected CSR.*once a day/ });
    assertEquals([asked(world, "finalize"), world.made().orders], [2, 1]);
    await using after = world.restart();
    await lookFor(after, 2 * DAY);
    assertEquals([asked(world, "finalize"), world.made().orders], [4, 1]);
    const sent = world.log().filter(({ endpoint }) => endpoint === "finalize").map(({ payload }) => payload);
    assertEquals(new Set(sent).size, 4, "the same CSR is sent again");

    world.authority.faults.clear();
    await after.service.request({ domains: world.intent.names }, CALL);
    await world.checkRenewed({ code: "CA_PROBLEM" });
    assertEquals(world.made(), { certificates: 1, orders: 1 });
  }));
