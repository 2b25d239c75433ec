import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { presentedAnswers } from "../../../src/flow/answers.ts";
import { keeper } from "../../../src/flow/keeper.ts";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import { AcmeProblemError, describe, RateLimitedError, SidecarError } from "../../../src/model/errors.ts";
import { LETSENCRYPT_LIMITS } from "../../../src/model/rate_limits.ts";
import type { RateLimit } from "../../../src/model/rates.ts";
import type { Intent } from "../../../src/model/records.ts";
import { defaultSecretName } from "../../../src/model/secret_name.ts";
import { CALL } from "../../support/fakes.ts";
import { type Harness, harness } from "../../support/flow_harness.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const ORDERS: RateLimit = {
  name: "orders",
  counts: "order",
  per: "account",
  capacity: 2,
  refillMs: 10 * MINUTE,
  exempt: ["replaces", "same names"],
};

function declare(...names: string[]): Intent {
  const parsed = parseDnsNames(names);
  const secretName = defaultSecretName(parsed[0]);
  return { names: parsed, keyType: "ec-256", secretName, certType: "fullchain", balancers: [] };
}

function looking(it: Harness, declared: readonly Intent[]): () => Promise<void> {
  const keep = keeper(it.parts, it.service, presentedAnswers(it.parts), declared);
  return () => keep.look(CALL);
}

const orders = (it: Harness): number => it.authority.asked.filter((line) => line.startsWith("newOrder")).length;

Deno.test("request beyond a limit is refused without a word to the CA, and leaves nothing that asks it later", async () => {
  const it = await harness({ limits: [ORDERS] });
  const request = (name: string, now?: boolean): Promise<unknown> =>
    it.service.request({ domains: parseDnsNames([name]), ...(now === undefined ? {} : { now }) }, CALL);
  await request("a.example.com");
  await request("b.example.com");
  const before = it.authority.asked.length;

  const error = await assertRejects(() => request("c.example.com"), RateLimitedError, "2 of 2 new orders");

  assertStringIncludes(describe(error), "or get it with --now");
  assertEquals(it.authority.asked.length, before);
  assertEquals(await it.records.orders.list(CALL), []);
  await request("c.example.com", true);
  assertEquals(orders(it), 3);
});

Deno.test("F-09: the keeper counts no failure while a limit or a busy CA makes it wait, and goes on when it may", async () => {
  const it = await harness({ limits: [ORDERS] });
  const look = looking(it, ["a", "b", "c", "d"].map((label) => declare(`${label}.example.com`)));

  await look();
  const waits = (await it.records.attempts.list(CALL)).filter(({ value }) => value.nextAt !== undefined);
  assertEquals(waits.map(({ value }) => [value.failures, value.lastCode]), [[0, "RATE_LIMITED"], [0, "RATE_LIMITED"]]);
  assertEquals(it.events.filter((event) => event.name === "certificate.failed"), []);
  assertEquals(it.events.filter((event) => event.name === "certificate.waits").length, 2);

  it.clock.move(10 * MINUTE);
  await look();
  assertEquals(orders(it), 3);
  it.clock.move(10 * MINUTE);
  await look();
  assertEquals(orders(it), 4);
  assertEquals((await it.service.certificates(CALL)).length, 4);
});

Deno.test("F-33: a CA that forgets our account is not asked for new ones without end", async () => {
  const it = await harness({ limits: LETSENCRYPT_LIMITS });
  let made = 0;
  it.parts.authority.find = () => Promise.resolve(undefined);
  const { register } = it.parts.authority;
  it.parts.authority.register = async (...args): Promise<URL> => {
    const url = await register(...args);
    made++;
    return url;
  };
  for (let i = 0; i < 10; i++) await it.service.register({ agreeTos: true }, CALL);
  await assertRejects(() => it.service.register({ agreeTos: true }, CALL), RateLimitedError, "10 of 10 new accounts");
  assertEquals(made, 10);
});

Deno.test("F-39: five failures of a name in an hour and its sixth order waits; other names go on", async () => {
  const it = await harness({ limits: LETSENCRYPT_LIMITS, failing: ["bad.example.com"] });
  const request = (name: string): Promise<unknown> => it.service.request({ domains: parseDnsNames([name]) }, CALL);
  for (let i = 0; i < 5; i++) await assertRejects(() => request("bad.example.com"), SidecarError, "not convincing");
  await assertRejects(() => request("bad.example.com"), RateLimitedError, "failed authorizations for bad.example.com");
  await request("good.example.com");
});

Deno.test("F-52: an order that ended while we slept is placed anew, and counted as one more", async () => {
  const it = await harness({ limits: [ORDERS] });
  const intent = declare("a.example.com");
  it.authority.loseAnswer("finalize");
  it.authority.loseAnswer("order");
  await assertRejects(() => it.service.keep(intent, CALL), SidecarError);
  const [row] = await it.records.orders.list(CALL);
  assert(row !== undefined && row.value.step !== "intended");
  const { id, value } = row;
  const { createdAt, directory, account, names, url } = value;
  const ended = { id, createdAt, directory, account, names, intent, url, step: "ordered", expires: createdAt } as const;
  await it.records.orders.put(id, ended, CALL);

  it.clock.move(MINUTE);
  await it.service.keep(intent, CALL);

  assertEquals(orders(it), 2);
  await assertRejects(() => it.service.keep(declare("b.example.com"), CALL), RateLimitedError, "2 of 2 new orders");
});

Deno.test("F-125: 40 certificates that are due at once are renewed by their earliest end within the limits, and none is late", async () => {
  const limits = [{ ...ORDERS, capacity: 10, exempt: [] }];
  const it = await harness({ limits: [] });
  const declared = Array.from({ length: 40 }, (_, i) => declare(`n${i}.example.com`));
  for (const intent of declared) {
    await it.service.keep(intent, CALL);
    it.clock.move(MINUTE);
  }
  it.clock.move(61 * DAY);
  const limited = await it.restart({ limits });
  const begin = orders(limited);
  const look = looking(limited, declared);
  await look();
  const first = limited.authority.asked.filter((line) => line.startsWith("newOrder")).slice(begin);
  assertEquals(
    first.map((line) => line.slice("newOrder ".length)).sort(),
    declared.slice(0, 10).map(({ names }) => names[0] as string).sort(),
  );
  for (let i = 0; i < 700 && orders(limited) < begin + 40; i++) {
    limited.clock.move(30_000);
    await look();
  }
  assertEquals(orders(limited), begin + 40);
  const now = limited.clock.now();
  const held = await limited.service.certificates(CALL);
  assert(held.every(({ record }) => record.facts.notAfter > now));
  const ideal = 30 * ORDERS.refillMs;
  assert(now.getTime() - held[0]!.record.facts.notBefore.getTime() < 1.05 * ideal + 2 * MINUTE * 60);
});

Deno.test("F-130: what the CA's own word holds back is not asked for, revoked or not", async () => {
  const it = await harness({ limits: LETSENCRYPT_LIMITS });
  const retryAt = new Date(it.clock.now().getTime() + DAY);
  const inner = it.authority.as.bind(it.authority);
  let asked = 0;
  it.authority.as = (url, key) => ({
    ...inner(url, key),
    newOrder: () => {
      asked++;
      const problem = { type: "urn:ietf:params:acme:error:rateLimited", status: 429, subproblems: [] };
      return Promise.reject(new AcmeProblemError(problem, { retryAt, status: 429 }));
    },
  });
  const insist = (): Promise<unknown> =>
    it.service.request({ domains: parseDnsNames(["a.example.com"]), now: true }, CALL);
  await assertRejects(insist, AcmeProblemError);
  await assertRejects(insist, RateLimitedError, "the CA asked to wait");
  assertEquals(asked, 1);
});
