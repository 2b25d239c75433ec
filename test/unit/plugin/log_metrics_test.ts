import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { logEvents } from "../../../plugin/log.ts";
import { makeMetrics } from "../../../plugin/metrics.ts";
import { readiness } from "../../../plugin/readiness.ts";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import { renewalTimes } from "../../../src/model/renewal.ts";
import { awayVault } from "../../support/away_vault.ts";
import { CALL } from "../../support/fakes.ts";
import { fakeClock } from "../../support/fake_clock.ts";
import { harness } from "../../support/flow_harness.ts";
import { mintAt } from "../../support/minting.ts";
import { better } from "../../support/worse.ts";

Deno.test("logEvents() writes an event a line, as JSON or text, from its level on", () => {
  const lines: string[] = [];
  const clock = fakeClock(new Date("2026-11-23T12:00:00Z"));
  const common = { level: "info", clock, write: (line: string) => void lines.push(line) } as const;
  const event = { level: "warn", name: "a.b", text: "one\ntwo", fields: { n: 1 } } as const;

  logEvents({ ...common, format: "json" }).emit(event);
  logEvents({ ...common, format: "text" }).emit(event);
  logEvents({ ...common, format: "text" }).emit({ ...event, level: "debug" });

  assertEquals(lines, [
    '{"time":"2026-11-23T12:00:00.000Z","level":"warn","event":"a.b","message":"one\\ntwo","n":1}',
    "2026-11-23T12:00:00.000Z warn  a.b: one | two",
  ]);
});

Deno.test("metrics show expiry, attempts, swaps and the served serial", async () => {
  const { service, records, events } = await harness();
  const held = await service.request({ domains: parseDnsNames(["www.example.com"]) }, CALL);
  const metrics = makeMetrics();
  for (const event of events) metrics.emit(event);
  metrics.emit({ level: "warn", name: "renewal.recalled", text: "", fields: { subject: "www.example.com" } });
  metrics.emit({ level: "warn", name: "clock.jumped", text: "" });
  metrics.countAnswer(201);
  metrics.countAnswer(201);
  metrics.emit({ level: "info", name: "rate.refused", text: "x", fields: { limit: "orders", until: "x" } });

  const text = await metrics.exposition(service, records, CALL);

  const { serial, notAfter } = held.record.facts;
  const { renewAt } = renewalTimes(held.record.facts);
  const about = 'subject="www.example.com",secret="LE_CERTIFICATE_www_example_com"';
  for (
    const line of [
      "# TYPE kontena_certificate_not_after_seconds gauge",
      `kontena_certificate_not_after_seconds{${about}} ${Math.floor(notAfter.getTime() / 1_000)}`,
      `kontena_certificate_served{balancer="infra/lb",secret="LE_CERTIFICATE_www_example_com",serial="${serial}"} 1`,
      `kontena_certificate_renew_at_seconds{${about}} ${Math.floor(renewAt.getTime() / 1_000)}`,
      `kontena_certificate_renewal_reason{${about},reason="lifetime"} 1`,
      'kontena_certificate_recalled_total{subject="www.example.com"} 1',
      "kontena_clock_jumps_total{} 1",
      'kontena_certificate_issued_total{subject="www.example.com"} 1',
      'kontena_swap_total{balancer="infra/lb"} 1',
      'kontena_rate_refused_total{limit="orders"} 1',
      'kontena_acme_answers_total{status="201"} 2',
      'kontena_account_deactivated{directory="https://ca.test/directory"} 0',
    ]
  ) assertStringIncludes(text, `${line}\n`);
});

Deno.test("metrics name the command and the last day of what a person has to renew, once it is due", async () => {
  const dns: Record<string, readonly string[]> = {};
  const { service, records, clock } = await harness({ dns });
  const [domain] = parseDnsNames(["*.example.com"]);
  const { txt } = await service.authorize({ domain, type: "dns-01" }, CALL);
  dns[txt!.name] = [txt!.content];
  const { record: { facts: { notAfter } } } = await service.get({ domains: [domain] }, CALL);
  const metrics = makeMetrics();
  const shown = async (): Promise<readonly string[]> =>
    (await metrics.exposition(service, records, CALL)).split("\n").filter((it) =>
      it.includes("by_hand_until_seconds{")
    );

  assertEquals(await shown(), []);
  clock.move(61 * 86_400_000);
  assertEquals(await shown(), [
    'kontena_certificate_by_hand_until_seconds{subject="*.example.com",secret="LE_CERTIFICATE_STAR_example_com",' +
    `command="kontena certificate get '*.example.com'"} ${Math.floor(notAfter.getTime() / 1_000)}`,
  ]);
});

Deno.test("metrics and readiness tell what was kept aside, with the reason", async () => {
  const { service, records, events, authority, clock, parts } = await harness();
  mintAt(authority, clock.now, (asked) => better(asked, { names: ["x.example"] }));
  await assertRejects(() => service.request({ domains: parseDnsNames(["www.example.com"]) }, CALL), Error);
  const metrics = makeMetrics();
  for (const event of events) metrics.emit(event);

  const text = await metrics.exposition(service, records, CALL);

  const about = 'subject="www.example.com",secret="LE_CERTIFICATE_www_example_com"';
  assertStringIncludes(text, `kontena_certificate_kept_aside{${about},reason="wrong-names"} 1\n`);
  assertStringIncludes(text, 'kontena_certificate_kept_aside_total{subject="www.example.com"} 1\n');
  const [aside] = await records.asides.list(CALL);
  const declared = [aside!.value.intent];
  const { authority: ca, vault } = parts;
  const { missing } = await readiness({ authority: ca, vault, balancers: new Map(), records, clock, declared });
  assertEquals(missing.map((it) => it.slice(0, 96)), [
    "certificate: www.example.com is not there yet: one was kept aside (its names differ: www.example",
  ]);
});

Deno.test("metrics and readiness tell of an account that was deactivated", async () => {
  const { service, records, authority, vault, clock } = await harness();
  await service.openAccount(CALL);
  await service.deactivateAccount(CALL);

  const text = await makeMetrics().exposition(service, records, CALL);
  assertStringIncludes(text, 'kontena_account_deactivated{directory="https://ca.test/directory"} 1\n');
  const parts = { authority, vault, balancers: new Map(), records, clock };
  const { ready, missing } = await readiness({ ...parts, declared: [] });
  assertEquals(ready, false);
  assertStringIncludes(missing.join(), "was deactivated on 2026-06-01T00:00:00Z by command");
  assertStringIncludes(missing.join(), "kontena certificate register --new-account EMAIL");
});

Deno.test("readiness tells of a vault that is away, and of a ledger", async () => {
  const { parts: { authority, records, vault, clock } } = await harness();
  const sealed = awayVault(vault);
  sealed.leave({ code: "VAULT_UNAVAILABLE" });
  const lost = {
    ...records,
    accounts: { ...records.accounts, get: () => Promise.reject(new Error("disk I/O error")) },
  };
  const { ready, missing } = await readiness({
    authority,
    vault: sealed.vault,
    balancers: new Map(),
    records: lost,
    clock,
    declared: [],
  });
  assertEquals([ready, missing], [false, ["vault: The vault is sealed", "ledger: disk I/O error"]]);
});
