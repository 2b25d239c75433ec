import { assert, assertEquals } from "@std/assert";
import { inWorld } from "../support/failure_world.ts";

const SEED = "failures-1";

for (const share of [0.5, 0.9]) {
  Deno.test(`F-01: with ${100 * share} % of nonces refused a certificate is issued, each retry by the refusal's nonce (seed ${SEED})`, () =>
    inWorld({ authority: { seed: SEED, nonceReject: share } }, async (world) => {
      await world.strike();
      await world.lookUntilRenewed();
      await world.checkRenewed();
      assertEquals(world.made(), { certificates: 1, orders: 1 });
      const nonces = world.log().flatMap(({ nonce }) => nonce ?? []);
      assertEquals(new Set(nonces).size, nonces.length, "a nonce was used twice");
      assertEquals(world.log().filter(({ endpoint }) => endpoint === "newNonce").length <= 4, true);
    }));
}

Deno.test("F-02: badNonce without a nonce has one fetched, and the request sent again", () =>
  inWorld({}, async (world) => {
    await world.strike("bad-nonce@order,newOrder?nonce=missing&times=2");
    await world.lookUntilRenewed();
    await world.checkRenewed();
    assert(world.requests().filter((it) => it === "newNonce 200").length <= 4, String(world.requests()));
  }));

Deno.test("F-03: badNonce for ever is given up after 250 tries, and tried again a minute later", () =>
  inWorld({}, async (world) => {
    await world.strike("bad-nonce@newOrder");
    await world.look();
    await world.check({ code: "CA_PROBLEM", says: /nonce/ });
    assertEquals(world.requests().filter((it) => it.startsWith("newOrder")).length, 250);
    await world.look();
    assertEquals(world.requests().filter((it) => it.startsWith("newOrder")).length, 250, "a hot loop");
    world.authority.faults.clear();
    await world.lookUntilRenewed();
    assertEquals(world.made(), { certificates: 1, orders: 1 });
  }));

for (const form of ["padded", "two", "long", "spaces"]) {
  Deno.test(`F-04: a nonce that is none is not used: ${form}`, () =>
    inWorld({}, async (world) => {
      await world.strike(`odd-nonce@newOrder,order,authorization,challenge,finalize,certificate?form=${form}`);
      await world.lookUntilRenewed();
      await world.checkRenewed();
      assertEquals(world.log().filter(({ problem }) => problem !== undefined), []);
    }));
}

Deno.test("F-05: newNonce that answers 503 is left alone for as long as it says", () =>
  inWorld({}, async (world) => {
    await world.strike("server-error@newNonce?status=503&retry-after=120&times=1");
    await world.look();
    await world.check({ code: "CA_TRANSPORT", says: /503/ }); // HEAD has no room for the problem
    await world.lookUntilRenewed();
    await world.checkRenewed({ code: "CA_TRANSPORT" });
  }));

Deno.test("F-05: newNonce that does not know HEAD is asked by GET", () =>
  inWorld({}, async (world) => {
    await world.strike("head-refused");
    await world.lookUntilRenewed();
    await world.checkRenewed();
    assertEquals(world.requests().filter((it) => it.startsWith("newNonce 204")).length > 0, true);
  }));
