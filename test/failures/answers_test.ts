import { assert, assertEquals, assertRejects } from "@std/assert";
import { AcmeProblemError } from "../../src/model/errors.ts";
import { inWorld } from "../support/failure_world.ts";
import { CALL } from "../support/fakes.ts";

for (
  const [form, code, says] of [
    ["unknown-type", "CA_PROBLEM", /Not by this moon/],
    ["no-type", "CA_PROBLEM", /Something was wrong/],
    ["not-json", "CA_TRANSPORT", /403/],
    ["list", "CA_PROBLEM", /./],
  ] as const
) {
  Deno.test(`F-21: a problem document that is ${form} is a refusal all the same`, () =>
    inWorld({}, async (world) => {
      await world.strike(`odd-problem?form=${form}&times=1`);
      await world.look();
      await world.check({ code, says });
      await world.lookUntilRenewed();
      await world.checkRenewed({ code });
    }));
}

Deno.test("F-21: what is said of three names of five is kept for each", () =>
  inWorld({ names: ["a", "b", "c", "d", "e"].map((it) => `${it}.example.com`) }, async (world) => {
    await world.strike("odd-problem?form=subproblems");
    await world.look();
    await world.check({ code: "CA_PROBLEM", says: /a\.example\.com: Policy forbids.*b\.example\.com: Policy forbids/ });
    const error = await assertRejects(() => world.service.keep(world.intent, CALL), AcmeProblemError);
    assertEquals(error.problem.subproblems.map(({ identifier, detail }) => `${identifier}: ${detail}`), [
      "c.example.com: Policy forbids c.example.com",
      "a.example.com: Policy forbids a.example.com",
      "b.example.com: Policy forbids b.example.com",
    ]);
  }));

Deno.test("F-22: a whole run says nothing of ACME's drafts, and {} to a challenge", () =>
  inWorld({ fresh: true }, async (world) => {
    await world.look();
    const said = world.authority.log.filter(({ payload }) => payload !== undefined);
    assert(said.length > 8);
    for (const { endpoint, payload, path } of said) {
      assert(!/"resource"|keyAuthorization/.test(payload!), `${path}: ${payload}`);
      if (endpoint === "challenge") assertEquals(payload, "{}");
      if (["order", "authorization", "certificate"].includes(endpoint!)) assertEquals(payload, "");
    }
    assertEquals(world.authority.log.filter(({ problem }) => problem !== undefined).map(({ problem }) => problem), [
      "accountDoesNotExist", // the look-up before the account is made (RFC 8555 §7.3.1)
    ]);
  }));

for (const form of ["duplicate", "nul", "surrogate", "deep", "proto"]) {
  Deno.test(`F-23: JSON with ${form} in it neither crashes nor pollutes`, () =>
    inWorld({}, async (world) => {
      await world.strike(`json@directory,newOrder,order,authorization,challenge,finalize?form=${form}`);
      await world.lookUntilRenewed();
      await world.checkRenewed();
      assertEquals(({} as Record<string, unknown>)["polluted"], undefined);
    }));
}
