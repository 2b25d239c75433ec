import { assertEquals, assertNotEquals } from "@std/assert";
import { memoryLedger } from "../../../src/ledger/memory_ledger.ts";
import { accountId, authorizationId, deploymentId, deploymentSecret, recordsOf } from "../../../src/ledger/records.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { parseSecretName } from "../../../src/model/secret_name.ts";
import { fakeClock } from "../../support/fake_clock.ts";

const call = { signal: new AbortController().signal };
const directory = new URL("https://ca.test/dir");
const account = new URL("https://ca.test/acct/1");
const name = parseDnsName("example.com");
const A = parseSecretName("A");

Deno.test("recordsOf() keeps each kind below its own prefix", async () => {
  await using ledger = memoryLedger(fakeClock());
  const { accounts, attempts, answers } = recordsOf(ledger);
  const lastAt = new Date("2026-01-01T00:00:00Z");
  await attempts.put(A, { failures: 1, lastAt }, call);
  await accounts.put(accountId(directory), { directory, url: account, thumbprint: "t", createdAt: lastAt }, call);
  await answers.put("token", "token.thumbprint", call);
  assertEquals((await ledger.list("", call)).map((it) => it.key), [
    "accounts/https%3A%2F%2Fca.test%2Fdir",
    "answers/token",
    "attempts/A",
  ]);
  assertEquals((await attempts.get(A, call))?.value, { failures: 1, lastAt });
  assertEquals((await answers.get("token", call))?.value, "token.thumbprint");
});

Deno.test("authorizationId() tells apart CA, account, profile and name", () => {
  const key = { directory, account, name };
  const ids = [
    key,
    { ...key, directory: account },
    { ...key, account: directory },
    { ...key, profile: "shortlived" },
    { ...key, profile: "shortlived/example.com" },
    { ...key, name: parseDnsName("*.example.com") },
  ].map(authorizationId);
  assertEquals(new Set(ids).size, ids.length);
  assertEquals(authorizationId({ ...key, profile: "" }), authorizationId(key));
});

Deno.test("deploymentId() cannot be forged by a slash in a balancer's name", () => {
  assertEquals(deploymentId("infra/lb", A), "infra%2Flb/A");
  assertEquals(deploymentSecret(deploymentId("infra/lb", A)), A);
  assertNotEquals(deploymentId("infra/lb", A), deploymentId("infra", parseSecretName("lb")));
  assertNotEquals(deploymentId("infra/lb", A), deploymentId("infra%2Flb", A));
});
