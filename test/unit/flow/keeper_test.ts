import { assert, assertEquals } from "@std/assert";
import { dnsContent, recordName } from "../../../src/challenge/dns_record.ts";
import { presentedAnswers } from "../../../src/flow/answers.ts";
import { keeper } from "../../../src/flow/keeper.ts";
import { repairSecrets } from "../../../src/flow/repair.ts";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import { AcmeProblemError } from "../../../src/model/errors.ts";
import type { Intent } from "../../../src/model/records.ts";
import { certificateSecrets, defaultSecretName } from "../../../src/model/secret_name.ts";
import { CALL } from "../../support/fakes.ts";
import { type Harness, harness, type HarnessOptions } from "../../support/flow_harness.ts";

const DAY = 86_400_000;

function declare(...names: string[]): Intent {
  const parsed = parseDnsNames(names);
  const secretName = defaultSecretName(parsed[0]);
  return { names: parsed, keyType: "ec-256", secretName, certType: "fullchain", balancers: ["infra/lb"] };
}

async function kept(
  declared: readonly Intent[],
  options: HarnessOptions = {},
): Promise<Harness & { look(): Promise<void> }> {
  const it = await harness(options);
  const keep = keeper(it.parts, it.service, presentedAnswers(it.parts), declared);
  return { ...it, look: () => keep.look(CALL) };
}

Deno.test("keeper brings a declared certificate about once", async () => {
  const { look, authority, service } = await kept([declare("www.example.com", "example.com")]);

  await look();
  await look();

  assertEquals(authority.issued(), 1);
  assertEquals((await service.certificates(CALL)).map((it) => it.deployments[0]?.state), ["served"]);
});

Deno.test("keeper renews when a third of the lifetime is left, and not before", async () => {
  const { look, authority, clock } = await kept([declare("www.example.com")]);
  await look();

  clock.move(59 * DAY);
  await look();
  assertEquals(authority.issued(), 1);
  clock.move(2 * DAY);
  await look();

  assertEquals(authority.issued(), 2);
});

Deno.test("keeper renews what a command got, where its names can be proven without a person", async () => {
  const { look, authority, clock, service } = await kept([]);
  await service.request({ domains: parseDnsNames(["www.example.com"]) }, CALL);

  clock.move(61 * DAY);
  await look();

  assertEquals(authority.issued(), 2);
});

Deno.test("keeper waits longer after each failure, and says what failed and when it goes on", async () => {
  const { look, records, events, clock, authority } = await kept([declare("bad.example.com")], {
    failing: ["bad.example.com"],
  });
  const orders = (): number => authority.asked.filter((it) => it.startsWith("newOrder")).length;

  await look();
  await look();
  assertEquals(orders(), 1);
  clock.move(61_000);
  await look();
  assertEquals(orders(), 2);
  clock.move(61_000);
  await look();
  assertEquals(orders(), 2);

  const [attempt] = await records.attempts.list(CALL);
  assertEquals(attempt?.value.failures, 2);
  assertEquals(attempt?.value.lastCode, "CHALLENGE_FAILED");
  assert(events.some((it) => it.name === "certificate.failed" && it.text.includes("bad.example.com")));
});

Deno.test("keeper's one bad name does not stall the rest", async () => {
  const { look, service } = await kept([declare("bad.example.com"), declare("good.example.com")], {
    failing: ["bad.example.com"],
  });

  await look();

  assertEquals((await service.certificates(CALL)).map((it) => it.record.intent.names[0] as string), [
    "good.example.com",
  ]);
});

Deno.test("keeper never asks the CA again before its Retry-After", async () => {
  const it = await kept([declare("www.example.com")]);
  const retryAt = new Date(it.clock.now().getTime() + DAY);
  const problem = { type: "urn:ietf:params:acme:error:rateLimited", subproblems: [] };
  const account = it.parts.authority.as.bind(it.parts.authority);
  let asked = 0;
  it.parts.authority.as = (url, key) => ({
    ...account(url, key),
    newOrder: () => {
      asked++;
      return Promise.reject(new AcmeProblemError(problem, { retryAt }));
    },
  });

  await it.look();
  it.clock.move(DAY - 60_000);
  await it.look();

  assertEquals(asked, 1);
  it.clock.move(120_000);
  await it.look();
  assertEquals(asked, 2);
});

Deno.test("keeper finishes an order whose records a person has set in the meantime", async () => {
  const dns: Record<string, readonly string[]> = {};
  const wanted = declare("*.example.com");
  const { look, authority, records, clock, events } = await kept([wanted], {
    dns,
    settings: { challenges: ["tls-alpn-01", "http-01", "dns-01"] },
  });
  await look();
  assertEquals(authority.issued(), 0);
  assert(events.some((it) => it.text.includes("Expected DNS record not present for domain *.example.com")));

  const [record] = await records.authorizations.list(CALL);
  assert(record !== undefined);
  dns[recordName(record.value.name)] = [await dnsContent(record.value.keyAuthorization)];
  clock.move(2 * 60_000);
  await look();

  assertEquals(authority.issued(), 1);
});

Deno.test("keeper brings a declared certificate about again when its bundle was removed from the vault", async () => {
  const wanted = declare("www.example.com");
  const { look, authority, vault } = await kept([wanted]);
  await look();

  await vault.remove(certificateSecrets(wanted.secretName).bundle, CALL);
  await look();

  assertEquals(authority.issued(), 2);
});

Deno.test("keeper registers at start where the terms were agreed to, and only once", async () => {
  const { look, authority } = await kept([]);
  await look();
  await look();
  assertEquals(authority.asked.filter((it) => it === "register").length, 1);
});

Deno.test("keeper never registers where nobody agreed to the terms", async () => {
  const { look, authority } = await kept([declare("www.example.com")], { settings: { agreeTos: false } });
  await look();
  assertEquals(authority.asked, []);
});

Deno.test("repairSecrets() writes key and certificate anew where they do not belong to the bundle", async () => {
  const { parts, service, vault } = await harness();
  const held = await service.request({ domains: parseDnsNames(["www.example.com"]) }, CALL);
  const names = certificateSecrets(held.record.intent.secretName);
  const before = (await vault.read(names.privateKey, CALL))?.value;
  await vault.write([{ name: names.privateKey, value: "another" }], CALL);

  await repairSecrets(parts, CALL);

  assertEquals((await vault.read(names.privateKey, CALL))?.value, before);
});

Deno.test("keeper forgets an authorization's order and takes its answer down once they have expired", async () => {
  const { look, records, clock, service } = await kept([]);
  await service.authorize({ domain: parseDnsNames(["www.example.com"])[0], type: "http-01" }, CALL);
  assertEquals((await records.answers.list(CALL)).length, 1);
  const [entry] = await records.authorizations.list(CALL);
  assert(entry !== undefined);
  await records.authorizations.put(entry.id, { ...entry.value, expires: new Date(clock.now().getTime() + DAY) }, CALL);

  await look();
  assertEquals((await records.answers.list(CALL)).length, 1);
  clock.move(8 * DAY);
  await look();

  assertEquals(await records.answers.list(CALL), []);
  assertEquals(await records.orders.list(CALL), []);
});
