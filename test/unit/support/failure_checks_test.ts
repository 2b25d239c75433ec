import { assertRejects } from "@std/assert";
import { inWorld } from "../../support/failure_world.ts";

Deno.test("check() notices a request before Retry-After, another class, and another certificate", () =>
  inWorld({}, async (world) => {
    await world.strike("rate-limited?times=1&retry-after=3600");
    await world.look();
    await world.check({ code: "CA_PROBLEM" });
    await assertRejects(() => world.check({ code: "CA_ANSWER" }), Error, "no event tells CA_ANSWER");
    await assertRejects(() => world.checkRenewed({ code: "CA_PROBLEM" }), Error, "the old certificate is still served");
    const response = await fetch(new URL("/new-order", world.authority.directory), { method: "POST" });
    await response.body?.cancel();
    await assertRejects(() => world.check({ code: "CA_PROBLEM" }), Error, "newOrder was asked at");
  }));

Deno.test("check() notices a certificate that was swapped in against expectation", () =>
  inWorld({}, async (world) => {
    await world.strike();
    await world.lookUntilRenewed();
    await assertRejects(() => world.check({}), Error, "another certificate is served");
  }));
