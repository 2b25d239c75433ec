import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { describe, SidecarError } from "../../../src/model/errors.ts";
import { dns01ByHandSolver } from "../../../src/challenge/dns01_by_hand.ts";
import { dnsContent } from "../../../src/challenge/dns_record.ts";
import type { Call, ChallengeAnswer } from "../../../src/ports.ts";
import { CALL, fakeDns } from "../../support/fakes.ts";

const KEY_AUTHORIZATION = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI";
const CONTENT = await dnsContent(KEY_AUTHORIZATION);
const RECORD = "_acme-challenge.example.com";

const answerFor = (name: string): ChallengeAnswer => ({
  type: "dns-01",
  name: parseDnsName(name),
  token: KEY_AUTHORIZATION.split(".")[0]!,
  keyAuthorization: KEY_AUTHORIZATION,
});

async function settle(name: string, found: readonly string[] | Error, call: Call = CALL): Promise<void> {
  await using presented = await dns01ByHandSolver({ dns: fakeDns({ [RECORD]: found }) }).present(answerFor(name), CALL);
  await presented.settled(call);
}

for (
  const [why, name, values] of [
    ["the record", "example.com", [CONTENT]],
    ["the record of a wildcard", "*.example.com", [CONTENT]],
    ["one of several values", "example.com", ["v=spf1 -all", CONTENT, "old"]],
  ] as const
) {
  Deno.test(`dns01ByHandSolver() is settled by ${why}`, () => settle(name, values));
}

for (
  const [why, values, cause, todo] of [
    ["no record", [], "found no TXT record at _acme-challenge.example.com", CONTENT],
    ["other values", ["a", "b"], "found 2 TXT value(s) and not the expected one at", CONTENT],
    ["a value with something added", [`${CONTENT}=`], "found 1 TXT value(s)", CONTENT],
    ["a resolver that fails", new Error("10.0.0.1 did not answer"), "10.0.0.1 did not answer", "DNS_RESOLVERS"],
  ] as const
) {
  Deno.test(`dns01ByHandSolver() is not settled by ${why}`, async () => {
    const error = await assertRejects(() => settle("*.example.com", values), SidecarError);
    assertEquals(error.message, "Expected DNS record not present for domain *.example.com");
    assertEquals([error.code, error.field], ["CHALLENGE_NOT_READY", "dns_record"]);
    assertStringIncludes(describe(error), cause);
    assertStringIncludes(error.todo ?? "", todo);
  });
}

Deno.test("dns01ByHandSolver() rejects with the reason of an abort", async () => {
  const gone = new Error("gone");
  const call = { signal: AbortSignal.abort(gone) };
  assertEquals(await assertRejects(() => settle("example.com", new Error("late"), call), Error), gone);
});

Deno.test("dns01ByHandSolver() names the record that a person has to set", async () => {
  const solver = dns01ByHandSolver({ dns: fakeDns({}) });
  assertEquals(solver.type, "dns-01");
  assertEquals(await solver.record?.(answerFor("*.example.com")), { name: RECORD, content: CONTENT });
});
