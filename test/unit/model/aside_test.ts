import { assertEquals } from "@std/assert";
import { orderAgainWait, restAfter } from "../../../src/model/aside.ts";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import type { AsideRecord, AttemptRecord, Intent } from "../../../src/model/records.ts";
import { defaultSecretName } from "../../../src/model/secret_name.ts";

const HOUR = 3_600_000;
const NOW = new Date("2026-06-01T00:00:00Z");
const UNTIL = new Date(NOW.getTime() + 6 * HOUR);
const CA = new URL("https://ca.test/directory");
const names = parseDnsNames(["a.example", "b.example"]);
const intent: Intent = {
  names,
  keyType: "ec-256",
  secretName: defaultSecretName(names[0]),
  certType: "fullchain",
  balancers: [],
};
const ASIDE: AsideRecord = {
  intent,
  reasons: [{ name: "expired", found: "it has" }],
  warnings: [],
  directory: CA,
  account: CA,
  order: CA,
  at: NOW,
  count: 2,
  until: UNTIL,
};
const REJECTED: AttemptRecord = { failures: 2, lastCode: "CERTIFICATE_REJECTED", nextAt: UNTIL, lastAt: NOW };
const AWAY: AttemptRecord = { ...REJECTED, lastCode: "CA_TRANSPORT", nextAt: new Date(NOW.getTime() + 8 * HOUR) };

Deno.test("orderAgainWait() is never more often than a limit of five a week allows", () => {
  const waits = [1, 2, 3, 4, 5, 50].map((count) => orderAgainWait(count) / HOUR);
  assertEquals(waits, [1, 6, 24, 36, 36, 36]);
});

for (
  const [why, attempt, aside, wanted, directory, expected] of [
    ["nothing aside: as it was", REJECTED, undefined, intent, CA, REJECTED],
    ["no attempt recorded: until the aside's", undefined, ASIDE, intent, CA, {
      failures: 2,
      lastAt: NOW,
      nextAt: UNTIL,
    }],
    ["an attempt that rests longer", AWAY, ASIDE, intent, CA, AWAY],
    ["an attempt that rests less", { failures: 1, lastAt: NOW }, ASIDE, intent, CA, {
      failures: 1,
      lastAt: NOW,
      nextAt: UNTIL,
    }],
    ["another CA", REJECTED, ASIDE, intent, new URL("https://b.test/"), undefined],
    ["another CA, and it is away", AWAY, ASIDE, intent, new URL("https://b.test/"), AWAY],
    ["another kind of key", REJECTED, ASIDE, { ...intent, keyType: "rsa-2048" }, CA, undefined],
    ["other names", REJECTED, ASIDE, { ...intent, names: [names[0]] }, CA, undefined],
    ["the same names in another order", REJECTED, ASIDE, { ...intent, names: [names[1]!, names[0]] }, CA, REJECTED],
  ] as const satisfies readonly (readonly [string, unknown, unknown, Intent, URL, unknown])[]
) {
  Deno.test(`restAfter() with ${why}`, () => {
    assertEquals(restAfter(attempt, aside, wanted, directory), expected);
  });
}
