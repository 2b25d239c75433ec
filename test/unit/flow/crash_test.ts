import { assert, assertEquals, assertRejects } from "@std/assert";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import { lifeOf } from "../../support/dying.ts";
import { CALL } from "../../support/fakes.ts";
import { harness, type HarnessOptions } from "../../support/flow_harness.ts";

const REQUEST = { domains: parseDnsNames(["www.example.com", "example.com"]) };

/** Lets the process die after so many writes, starts another one, and lets that finish what it finds. */
async function dieAndRestart(
  writes: number,
  options: HarnessOptions,
): Promise<{ issued: number; held: number; ended: boolean }> {
  const life = lifeOf(writes);
  const first = await harness({ ...options, ledger: life.ledger, vault: life.vault });
  const outcome = await first.service.request(REQUEST, CALL).then(() => "done", () => "died");
  await first.service.landed();

  const second = await first.restart();
  for (const record of await second.service.interrupted(CALL)) await second.service.resume(record, CALL);
  if ((await second.records.certificates.list(CALL)).length === 0) await second.service.request(REQUEST, CALL);

  const [held] = await second.service.certificates(CALL);
  const exported = await second.service.exportCertificate("www.example.com", CALL); // reading checks that the key fits
  assert(held !== undefined && exported !== undefined);
  assertEquals(await second.records.orders.list(CALL), []);
  const answers = await second.records.answers.list(CALL);
  assertEquals(answers, [], `answers are left after ${writes} writes`);
  return { issued: second.authority.issued(), held: 1, ended: outcome === "done" };
}

for (
  const [how, options] of [
    ["a CA that hands identical orders back", { reuseOrders: true }],
    ["a CA that lists our orders", { lists: true }],
    ["a CA that does neither", {}],
  ] as const
) {
  Deno.test(`a process that dies after any of its writes: one certificate, its key kept (${how})`, async () => {
    let steps = 0;
    for (let ended = false; !ended; steps++) {
      const result = await dieAndRestart(steps, options);
      assertEquals(result.issued, 1, `after ${steps} writes`);
      ended = result.ended;
    }
    assert(steps > 12, `only ${steps} writes were tried`);
  });
}

for (const kind of ["newOrder", "respond", "finalize", "certificate", "authorization", "order"]) {
  Deno.test(`an answer to ${kind} that is lost does not lead to a second certificate`, async () => {
    const { service, authority } = await harness({ reuseOrders: true });
    authority.loseAnswer(kind);

    await service.request(REQUEST, CALL).catch(() => {});
    await service.request(REQUEST, CALL);

    // Where the first attempt survived the loss, the second is a renewal that was asked for.
    assert(authority.issued() <= 2);
    assertEquals(authority.asked.filter((it) => it.startsWith("finalize")).length, authority.issued());
  });
}

Deno.test("a lost answer to newOrder is found again in the CA's list", async () => {
  const { service, authority } = await harness({ lists: true });
  await service.authorizations(CALL);
  authority.loseAnswer("newOrder");
  await assertRejects(() => service.request(REQUEST, CALL), Error, "reset");

  await service.request(REQUEST, CALL);

  assertEquals(authority.asked.filter((it) => it.startsWith("newOrder")).length, 1);
});
