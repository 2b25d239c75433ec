import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { makeMetrics } from "../../../plugin/metrics.ts";
import { readiness } from "../../../plugin/readiness.ts";
import { presentedAnswers } from "../../../src/flow/answers.ts";
import { keeper } from "../../../src/flow/keeper.ts";
import { nameId } from "../../../src/ledger/records.ts";
import { parseDnsName, parseDnsNames } from "../../../src/model/dns_name.ts";
import type { Intent, NameRecord } from "../../../src/model/records.ts";
import { defaultSecretName } from "../../../src/model/secret_name.ts";
import { CALL } from "../../support/fakes.ts";
import { type Harness, harness, type HarnessOptions } from "../../support/flow_harness.ts";

const MINUTE = 60_000;
const BAD = parseDnsName("bad.example.com");

function declare(...names: string[]): Intent {
  const parsed = parseDnsNames(names);
  const secretName = defaultSecretName(parsed[0]);
  return { names: parsed, keyType: "ec-256", secretName, certType: "fullchain", balancers: ["infra/lb"] };
}

async function kept(
  declared: readonly Intent[],
  options: HarnessOptions = {},
): Promise<Harness & { look(): Promise<void>; orders(): number; told(): readonly string[] }> {
  const it = await harness({ ...options, settings: { declared, ...options.settings } });
  const keep = keeper(it.parts, it.service, presentedAnswers(it.parts), declared);
  return {
    ...it,
    look: () => keep.look(CALL),
    orders: () => it.authority.orders.filter(({ names }) => names.includes(BAD)).length,
    told: () => it.events.filter(({ name }) => name.startsWith("name.")).map(({ name, text }) => `${name} ${text}`),
  };
}

/** The name rests from now on, for an hour. */
async function quarantined({ records, parts, clock }: Harness): Promise<void> {
  const { directory } = parts.authority;
  const record: NameRecord = {
    directory,
    name: BAD,
    failures: 3,
    problem: "dns",
    detail: "NXDOMAIN",
    lastAt: clock.now(),
    state: "resting",
    until: new Date(clock.now().getTime() + 60 * MINUTE),
  };
  await records.names.put(nameId(directory, BAD), record, CALL);
}

Deno.test("quarantine: a name's failures in several certificates add up, and hold all of them and no others", async () => {
  const declared = [
    declare("bad.example.com"),
    declare("www.example.com", "bad.example.com"),
    declare("a.example.com"),
  ];
  const { look, clock, orders, told, authority, records } = await kept(declared, { failing: [BAD] });

  await look();
  for (let i = 0; i < 4; i++, await look()) clock.move(10 * MINUTE);

  assertEquals(authority.issued(), 1);
  assertEquals(orders(), 4, "both twice: the third failure lets the name rest");
  assertMatch(told().join(), /^name\.quarantined bad\.example\.com was refused by the CA 3 times in a row/);
  assertEquals([told().length, (await records.names.list(CALL)).map(({ value }) => value.failures)], [1, [4]]);
});

Deno.test("quarantine: where the name is proven for one certificate, the others go on", async () => {
  const failing = ["bad.example.com"];
  const it = await kept([declare("bad.example.com", "www.example.com")], { failing });
  await it.look();
  assertEquals((await it.records.names.list(CALL)).map(({ value }) => value.failures), [1]);
  await quarantined(it);
  failing.length = 0;

  await it.service.keep(declare("bad.example.com"), CALL);
  await it.clock.move(2 * MINUTE);
  await it.look();

  assertEquals(it.told(), ["name.released bad.example.com is not held back any more: its certificate is issued"]);
  assertEquals(it.authority.issued(), 2);
});

Deno.test("quarantine: a name that is proven counts from one again, also where another one fails its order", async () => {
  const failing = ["bad.example.com"];
  const { look, clock, records } = await kept([declare("bad.example.com", "www.example.com")], { failing });
  await look();
  failing[0] = "www.example.com";
  clock.move(10 * MINUTE);
  await look();
  const known = (await records.names.list(CALL)).map(({ value }) => `${value.name} ${value.failures}`);
  assertEquals(known, ["www.example.com 1"]);
});

for (const command of ["request", "get", "authorize"] as const) {
  Deno.test(`quarantine: ${command} by a person is not held, and ends it`, async () => {
    const it = await kept([declare("bad.example.com")]);
    if (command === "get") await it.service.authorize({ domain: BAD, type: "http-01" }, CALL);
    await quarantined(it);
    await it.look();
    const before = it.authority.issued();
    assertEquals(before, 0);

    if (command === "authorize") await it.service.authorize({ domain: BAD, type: "http-01" }, CALL);
    else await it.service[command]({ domains: [BAD] }, CALL);
    await it.look();

    assertEquals(it.authority.issued(), 1);
    assertEquals(it.told(), ["name.released bad.example.com is not held back any more: it is asked for by command"]);
  });
}

Deno.test("quarantine: an order that a restart interrupted waits as well, until the rest is over", async () => {
  const it = await kept([declare("bad.example.com")]);
  it.authority.drop("newOrder");
  await it.look();
  assertEquals((await it.records.orders.list(CALL)).map(({ value }) => value.step), ["intended"]);
  await quarantined(it);
  const asked = it.authority.asked.length;

  it.clock.move(50 * MINUTE);
  await it.look();
  assertEquals(it.authority.asked.length, asked);
  it.clock.move(11 * MINUTE);
  await it.look();

  assertEquals(it.authority.issued(), 1);
});

Deno.test("quarantine: a name that no certificate wants any more is forgotten", async () => {
  const it = await kept([declare("www.example.com")]);
  await quarantined(it);
  await it.look();
  assertEquals(await it.records.names.list(CALL), []);
  assertEquals(it.told(), ["name.released bad.example.com is not held back any more: no certificate wants it"]);
});

Deno.test("quarantine: a limit of the CA, and its own trouble, are no fault of the name", async () => {
  const it = await kept([declare("bad.example.com")]);
  it.authority.refuse("newOrder", "rateLimited", 429);
  await assertRejects(() => it.service.request({ domains: [BAD] }, CALL), Error);
  it.authority.refuse("newOrder", "serverInternal", 500);
  await assertRejects(() => it.service.request({ domains: [BAD] }, CALL), Error);
  assertEquals(await it.records.names.list(CALL), []);
});

Deno.test("quarantine: metrics, readiness and explain show it", async () => {
  const wanted = declare("www.example.com", "bad.example.com");
  const it = await kept([wanted]);
  await quarantined(it);
  await it.look();

  const text = await makeMetrics().exposition(it.service, it.records, CALL);
  const labels = '{name="bad.example.com",directory="https://ca.test/directory"}';
  assertStringIncludes(text, `kontena_name_failures${labels} 3\n`);
  assertStringIncludes(text, `kontena_name_quarantined${labels} 1\n`);
  const { missing } = await readiness({ ...it.parts, balancers: new Map(), declared: [wanted] });
  assertMatch(missing.join(), /is not there yet: bad\.example\.com was refused by the CA 3 times in a row: NXDOMAIN/);
  const explained = await it.service.explainCertificate("www.example.com", CALL);
  assertMatch(explained!.next, /^It is brought about\. It is held back: bad\.example\.com.*rests until 2026-06-01T01/);
});
