import { assert, assertEquals } from "@std/assert";
import { HABITS } from "../ca/mod.ts";
import { inWorld, type World, type WorldOptions } from "../support/failure_world.ts";

const SEED = "failures-3";
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const asked = (world: World, endpoint: string): number =>
  world.log().filter((it) => it.endpoint === endpoint && it.faults?.includes("reset-before") !== true).length;

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

Deno.test("F-40: a name that the CA refuses is told by name", () =>
  inWorld(
    { fresh: true, names: ["good.example.com", "bad.example.net"], authority: { blocked: ["example.net"] } },
    async (world) => {
      await world.look();
      await world.check({ code: "CA_PROBLEM", says: /bad\.example\.net.*forbidden by policy/ });
      await world.look();
      assertEquals(asked(world, "newOrder"), 1);
    },
  ));

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
