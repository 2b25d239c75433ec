import { assert, assertEquals } from "@std/assert";
import { inWorld } from "../support/failure_world.ts";

const ENDPOINTS = [
  "directory",
  "newNonce",
  "newOrder",
  "order",
  "authorization",
  "challenge",
  "finalize",
  "certificate",
];

for (const when of ["before", "after"]) {
  for (const [status, form] of [[500, "problem"], [502, "html"], [504, "html"]] as const) {
    Deno.test(`F-10: ${status} once at each resource, ${when} the request took effect, costs no second order`, () =>
      inWorld({ authority: { like: "pebble", authzReuse: 0 } }, async (world) => {
        await world.strike(
          ...ENDPOINTS.map((it) => `server-error@${it}?status=${status}&form=${form}&when=${when}&times=1`),
        );
        await world.lookUntilRenewed();
        await world.checkRenewed({ code: form === "html" ? "CA_TRANSPORT" : "CA_PROBLEM" });
        assertEquals(world.made(), { certificates: 1, orders: 1 });
        assertEquals(world.authority.faults.list().map(({ struck }) => struck), ENDPOINTS.map(() => 1));
      }));
  }
}

Deno.test("F-10: 500 at newAccount, after it took effect, costs no second account", () =>
  inWorld({ fresh: true }, async (world) => {
    await world.strike("server-error@newAccount?from=2&times=1&when=after");
    await world.lookUntilRenewed();
    assertEquals(world.authority.counters.accounts, 1);
  }));

for (const like of ["boulder", "pebble"] as const) {
  Deno.test(`F-11: a reset before the answer to newOrder leads to no second order at a CA like ${like}`, () =>
    inWorld({ authority: { like } }, async (world) => {
      await world.strike("reset-after@newOrder?times=1");
      await world.look();
      await world.check({ code: "CA_TRANSPORT" });
      const nonces = world.log().filter(({ endpoint }) => endpoint === "newOrder").map(({ nonce }) => nonce);
      assertEquals(nonces.length, 1, "a newOrder was sent twice for one intent");
      await world.lookUntilRenewed();
      await world.checkRenewed({ code: "CA_TRANSPORT" });
      assertEquals(world.made(), { certificates: 1, orders: 1 });
    }));
}

Deno.test("F-11: no signed request is sent twice, wherever the connection ends", () =>
  inWorld({}, async (world) => {
    await world.strike(...ENDPOINTS.map((it) => `reset-after@${it}?times=1`));
    await world.lookUntilRenewed();
    await world.checkRenewed({ code: "CA_TRANSPORT" });
    const nonces = world.log().flatMap(({ nonce }) => nonce ?? []);
    assertEquals(nonces.length, new Set(nonces).size, "a request was sent again with the same nonce");
    assertEquals(world.made(), { certificates: 1, orders: 1 });
  }));

Deno.test("F-11: at a CA that neither lists orders nor hands them back, one lost answer costs one order that is never finalized", () =>
  inWorld({ authority: { like: "gts", externalAccounts: {} } }, async (world) => {
    await world.strike("reset-after@newOrder?times=1");
    await world.lookUntilRenewed();
    await world.checkRenewed({ code: "CA_TRANSPORT" });
    assertEquals(world.made(), { certificates: 1, orders: 2 });
  }));

Deno.test("F-12: a reset after finalize was taken has the order read again, and the same key's certificate downloaded", () =>
  inWorld({}, async (world) => {
    await world.strike("reset-after@finalize?times=1");
    await world.lookUntilRenewed();
    await world.checkRenewed();
    assertEquals(world.made(), { certificates: 1, orders: 1 });
    assertEquals(world.log().filter(({ endpoint }) => endpoint === "finalize").length, 1);
  }));

for (const how of ["length", "chunked", "json"]) {
  for (const at of ["newOrder", "order", "finalize", "certificate"]) {
    if (at === "certificate" && how === "json") continue; // F-80
    Deno.test(`F-13: an answer of ${at} that is cut off (${how}) is asked for again, or read again`, () =>
      inWorld({}, async (world) => {
        await world.strike(`truncated@${at}?how=${how}&times=1`);
        await world.lookUntilRenewed();
        await world.checkRenewed(at === "newOrder" ? { code: "CA_TRANSPORT" } : {});
        assertEquals(world.made(), { certificates: 1, orders: 1 });
      }));
  }
}

for (
  const [fault, code] of [
    ["endless-body@order", "CA_ANSWER"],
    ["slow-body@order?ms=20", "CA_TRANSPORT"],
    ["endless-headers@order", "CA_TRANSPORT"],
    ["long-headers@order", "CA_ANSWER"],
    ["hang@order", "CA_TRANSPORT"],
  ] as const
) {
  Deno.test(`F-14: ${fault} is cut off at the cap and the time limit`, () =>
    inWorld({ patienceMs: 300 }, async (world) => {
      await world.strike(fault);
      const before = Deno.memoryUsage().rss;
      await world.look();
      await world.check({ code });
      assert(Deno.memoryUsage().rss - before < 100 * 1024 ** 2, "the memory is not flat");
      world.authority.faults.clear();
      await world.lookUntilRenewed();
      assertEquals(world.made(), { certificates: 1, orders: 1 });
    }));
}

for (const fault of ["html@order", "content-type@order"]) {
  Deno.test(`F-15: an order under text/html (${fault}) is not parsed, and asked for again`, () =>
    inWorld({}, async (world) => {
      await world.strike(fault);
      await world.look();
      await world.check({ code: "CA_TRANSPORT", says: /text\/html, not JSON/ });
      world.authority.faults.clear();
      await world.lookUntilRenewed();
      assertEquals(world.made(), { certificates: 1, orders: 1 });
    }));
}
