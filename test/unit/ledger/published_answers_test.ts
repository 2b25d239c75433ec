import { assertEquals, assertRejects } from "@std/assert";
import { memoryLedger } from "../../../src/ledger/memory_ledger.ts";
import { publishedAnswers } from "../../../src/ledger/published_answers.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import { fakeClock } from "../../support/fake_clock.ts";

const call = { signal: new AbortController().signal };
const TOKEN = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";
const ANSWER = `${TOKEN}.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI`;

Deno.test("publishedAnswers() finds what was published until it is withdrawn", async () => {
  await using ledger = memoryLedger(fakeClock());
  const answers = publishedAnswers(ledger);
  assertEquals(await answers.find(TOKEN, call), undefined);
  await answers.publish(TOKEN, ANSWER, call);
  await answers.publish(TOKEN, ANSWER, call);
  assertEquals(await answers.find(TOKEN, call), ANSWER);
  assertEquals(await publishedAnswers(ledger).find(TOKEN, call), ANSWER, "any sidecar on the same ledger");
  await answers.withdraw(TOKEN, call);
  await answers.withdraw(TOKEN, call);
  assertEquals(await answers.find(TOKEN, call), undefined);
});

for (const token of ["", "..", `../${TOKEN}`, `${TOKEN}/`, `${TOKEN}%2F`, `${TOKEN}\n`, `${TOKEN}=`, "a".repeat(300)]) {
  Deno.test(`publishedAnswers() makes no key of ${JSON.stringify(token).slice(0, 60)}`, async () => {
    await using ledger = memoryLedger(fakeClock());
    const answers = publishedAnswers(ledger);
    const error = await assertRejects(() => answers.publish(token, ANSWER, call), SidecarError, "not base64url");
    assertEquals(error.code, "CA_ANSWER");
    await ledger.put(`answers/${token}`, ANSWER, call);
    assertEquals(await answers.find(token, call), undefined);
    await answers.withdraw(token, call);
    assertEquals((await ledger.list("", call)).length, 1);
  });
}
