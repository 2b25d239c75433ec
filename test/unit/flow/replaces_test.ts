import { assert, assertEquals, assertRejects } from "@std/assert";
import { AcmeProblemError } from "../../../src/model/errors.ts";
import type { OrderRecord } from "../../../src/model/records.ts";
import { CALL } from "../../support/fakes.ts";
import { declare, type RenewalStage, renewalStage } from "../../support/renewal_stage.ts";

const A = declare("a.example.com");
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A certificate of `a.example.com` that is due. */
async function dueStage(options: Parameters<typeof renewalStage>[1] = {}): Promise<RenewalStage & { certId: string }> {
  const stage = await renewalStage([A], options);
  await stage.look();
  await stage.look();
  const { certId } = (await stage.it.records.certificates.get(A.secretName, CALL))!.value.facts;
  stage.it.clock.move(61 * DAY);
  return Object.assign(Object.create(stage), { certId: certId! });
}

function replaced(stage: RenewalStage): readonly (string | undefined)[] {
  return stage.it.authority.orders.slice(1).map((it) => it.replaces);
}

Deno.test("a renewal says which certificate it replaces, and has written it down before", async () => {
  const stage = await dueStage();
  const account = stage.it.parts.authority.as.bind(stage.it.parts.authority);
  let written: readonly OrderRecord[] = [];
  stage.it.parts.authority.as = (url, key) => ({
    ...account(url, key),
    newOrder: async (request, call) => {
      written = (await stage.it.records.orders.list(CALL)).map((it) => it.value);
      return await account(url, key).newOrder(request, call);
    },
  });

  await stage.look();

  assertEquals(replaced(stage), [stage.certId]);
  assertEquals(written.map((it) => [it.step, it.replaces]), [["intended", stage.certId]]);
});

Deno.test("an order says nothing about what it replaces where the CA offers no renewal information", async () => {
  const stage = await dueStage({ renewalInfo: false });
  await stage.look();
  assertEquals(replaced(stage), [undefined]);
});

for (const [number, problem, status] of [["F-53", "alreadyReplaced", 409], ["F-54", "malformed", 404]] as const) {
  Deno.test(`${number}: ${problem} for what an order replaces gives one order without it, once`, async () => {
    const stage = await dueStage();
    stage.it.authority.refuse("newOrder", problem, status);

    await stage.look();

    assertEquals(replaced(stage), [undefined]); // the refused one was not counted by the CA
    assertEquals(stage.it.authority.issued(), 2);
    const told = stage.it.events.filter((it) => it.name === "order.without_replaces");
    assertEquals(told.map((it) => it.level), ["warn"]);
  });
}

Deno.test("a CA that refuses the order without it too is heard: one attempt, two requests, no order left", async () => {
  const stage = await dueStage();
  for (let i = 0; i < 3; i++) stage.it.authority.refuse("newOrder", "malformed");

  await stage.look();

  const asked = stage.it.authority.asked.filter((it) => it.startsWith("newOrder"));
  assertEquals([asked.length, stage.it.authority.issued()], [3, 1]);
  assertEquals(await stage.it.records.orders.list(CALL), []);
});

Deno.test("a limit is not taken for a refusal of what is replaced", async () => {
  const stage = await dueStage();
  stage.it.authority.refuse("newOrder", "rateLimited", 429);
  await stage.look();
  assertEquals(stage.it.authority.asked.filter((it) => it.startsWith("newOrder")).length, 2);
});

Deno.test("a restart whose order was placed and not heard of asks once without `replaces` and gets the same order", async () => {
  const stage = await dueStage({ reuseOrders: true });
  stage.it.authority.loseAnswer("newOrder");
  await stage.look();
  const [left] = await stage.it.records.orders.list(CALL);
  assertEquals([left?.value.step, left?.value.replaces], ["intended", stage.certId]);
  stage.it.clock.move(2 * 60_000);
  await stage.restart();

  await stage.look();

  assertEquals(replaced(stage), [stage.certId, stage.certId, undefined]); // lost, refused with 409, handed back
  assertEquals(stage.it.authority.issued(), 2);
  assertEquals(await stage.it.records.orders.list(CALL), []);
});

Deno.test("a restart after the refusal of `replaces` does not ask with it again", async () => {
  const stage = await dueStage();
  stage.it.authority.refuse("newOrder", "alreadyReplaced", 409);
  stage.it.authority.loseAnswer("newOrder");
  await stage.look();
  const [left] = await stage.it.records.orders.list(CALL);
  assertEquals([left?.value.step, left?.value.replaces], ["intended", undefined]);
});

const SHORT = { settings: { profile: "short" } };

Deno.test("a profile that the CA lists is asked for", async () => {
  const stage = await renewalStage([A], { ...SHORT, profiles: { short: "160 hours" } });
  await stage.look();
  assertEquals(stage.it.authority.orders.map((it) => it.profile), ["short"]);
});

Deno.test("F-55: a profile that the CA does not list is not asked for; the certificate comes without, with a warning", async () => {
  const stage = await renewalStage([A], { ...SHORT, profiles: { classic: "90 days" } });
  await stage.look();
  assertEquals(stage.it.authority.orders.map((it) => it.profile), [undefined]);
  const told = stage.it.events.find((it) => it.name === "order.without_profile");
  assert(told?.level === "warn" && told.text.includes("short") && told.text.includes("classic"), told?.text);
});

for (const problem of ["invalidProfile", "unauthorized"]) {
  Deno.test(`F-56: a listed profile that the order is refused for with ${problem} is left out, once`, async () => {
    const stage = await renewalStage([A], { ...SHORT, profiles: { short: "160 hours" } });
    stage.it.authority.refuse("newOrder", problem);
    await stage.look();
    assertEquals(stage.it.authority.orders.map((it) => it.profile), [undefined]);
    assertEquals(stage.it.authority.issued(), 1);
  });
}

Deno.test("a command hears of the refusal that is about neither", async () => {
  const stage = await renewalStage([], { ...SHORT, profiles: { short: "160 hours" } });
  stage.it.authority.refuse("newOrder", "rejectedIdentifier");
  await assertRejects(() => stage.it.service.request({ domains: A.names }, CALL), AcmeProblemError);
});
