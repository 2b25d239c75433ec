import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { acmeAuthority } from "../../../src/acme/authority.ts";
import { limitedAuthority } from "../../../src/flow/limited_authority.ts";
import { memoryLedger } from "../../../src/ledger/memory_ledger.ts";
import { recordsOf } from "../../../src/ledger/records.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { describe, isRateLimited, RateLimitedError, SidecarError } from "../../../src/model/errors.ts";
import { LETSENCRYPT_LIMITS } from "../../../src/model/rate_limits.ts";
import type { RateLimit } from "../../../src/model/rates.ts";
import type { AuthorityAccount, CertificateAuthority, Event, Ledger } from "../../../src/ports.ts";
import { registeredDomain } from "../../../src/suffixes/registered_domain.ts";
import { makeAccountKey } from "../../support/account_key.ts";
import { BASE, lost, problem, type Reply, reply, type RoutedCa, routes } from "../../support/acme_routes.ts";
import { type FakeClock, fakeClock } from "../../support/fake_clock.ts";
import { CALL } from "../../support/fakes.ts";

const key = await makeAccountKey();
const url = (path: string): URL => new URL(`${BASE}${path}`);
const www = parseDnsName("www.example.org");
const CSR = new Uint8Array(4);
const HOUR = 3_600_000;

interface Bench {
  readonly ca: RoutedCa;
  readonly clock: FakeClock;
  readonly ledger: Ledger;
  readonly events: Event[];
  readonly authority: CertificateAuthority;
  readonly account: AuthorityAccount;
  /** The same ledger and CA under a new process. */
  restart(): Bench;
  /** How often that line was asked. */
  asked(line: string): number;
}

function bench(
  table: Parameters<typeof routes>[0],
  limits: readonly RateLimit[] = [],
  kept: Partial<Pick<Bench, "ca" | "clock" | "ledger">> = {},
): Bench {
  const { clock = fakeClock(), ca = routes(table) } = kept;
  const { ledger = memoryLedger(clock) } = kept;
  const events: Event[] = [];
  const plain = acmeAuthority({
    directory: url("/directory"),
    fetch: ca.fetch,
    clock,
    userAgent: "test/1",
    deadline: () => CALL.signal,
  });
  const authority = limitedAuthority(plain, {
    limits,
    records: recordsOf(ledger),
    clock,
    events: { emit: (event) => void events.push(event) },
    registeredDomain,
  });
  return {
    ca,
    clock,
    ledger,
    events,
    authority,
    account: authority.as(url("/acct/1"), key),
    restart: () => bench(table, limits, { ca, clock, ledger }),
    asked: (line) => ca.lines().filter((it) => it === line).length,
  };
}

/** A new order for whatever names are asked for. */
const ordered: Reply = ({ payload }, signal) => {
  const { identifiers } = JSON.parse(payload);
  const body = {
    status: "pending",
    identifiers,
    authorizations: [`${BASE}/authz/1`],
    finalize: `${BASE}/order/1/finalize`,
  };
  return reply(201, body, { location: `${BASE}/order/1` })({ payload } as never, signal);
};

const READY = {
  url: url("/order/1"),
  names: [www],
  status: "ready",
  authorizations: [],
  finalize: url("/order/1/finalize"),
} as const;
const processing = reply(200, {
  status: "processing",
  identifiers: [{ type: "dns", value: www }],
  authorizations: [],
  finalize: `${BASE}/order/1/finalize`,
});

const order = (it: { readonly account: AuthorityAccount }, name = "www.example.org"): Promise<unknown> =>
  it.account.newOrder({ names: [parseDnsName(name)] }, CALL);

for (
  const [retryAfter, form] of [["3600", "seconds"], ["Thu, 01 Jan 2026 01:00:00 GMT", "an HTTP date"]] as const
) {
  Deno.test(`F-06: 429 on newOrder with Retry-After of an hour as ${form} binds for all of it, over a restart`, async () => {
    const refused = problem(429, "rateLimited", {}, { "retry-after": retryAfter });
    const first = bench({ "POST /new-order": [refused, ordered] });
    await assertRejects(() => order(first), SidecarError, "rateLimited happened");
    const it = first.restart();

    await it.clock.advance(HOUR - 1_000);
    const error = await assertRejects(() => order(it), RateLimitedError);
    assertEquals([error.code, error.retryAt], ["RATE_LIMITED", new Date("2026-01-01T01:00:00Z")]);
    assertStringIncludes(describe(error), "the CA asked to wait until 2026-01-01T01:00:00.000Z (rateLimited happened)");
    assertEquals(it.asked("POST /new-order"), 1);

    await it.clock.advance(1_000);
    await order(it);
    assertEquals(it.asked("POST /new-order"), 2);
  });
}

for (
  const [retryAfter, seconds, why] of [
    ["Thu, 01 Jan 2026 00:10:00 GMT", 600, "an HTTP date"],
    ["Mon, 01 Jan 2024 00:00:00 GMT", 60, "a past date"],
    ["0", 60, "none at all"],
    ["soon", 60, "garbage"],
    ["-5", 60, "a negative number"],
    ["1000000000000", 30 * 86_400, "far too much"],
  ] as const
) {
  Deno.test(`F-07: 429 with ${why} in Retry-After is followed by the next request after ${seconds} s, not before`, async () => {
    const it = bench({ "POST /new-order": [problem(429, "rateLimited", {}, { "retry-after": retryAfter }), ordered] });
    await assertRejects(() => order(it), SidecarError);
    await it.clock.advance(seconds * 1_000 - 1);
    await assertRejects(() => order(it), RateLimitedError);
    assertEquals(it.asked("POST /new-order"), 1);
    await it.clock.advance(1);
    await order(it);
  });
}

Deno.test("F-08: 429 with a web page is a limit by its status, and its Retry-After binds", async () => {
  const page = reply(429, "<html>", { "content-type": "text/html", "retry-after": "120" });
  const it = bench({ "POST /new-order": [page, ordered] });
  const error = await assertRejects(() => order(it), RateLimitedError, "ca.example answered 429 with text/html");
  assert(isRateLimited(error));
  assertEquals(error.retryAt, new Date("2026-01-01T00:02:00Z"));
  await it.clock.advance(119_000);
  await assertRejects(() => order(it), RateLimitedError, "asked to wait");
  assertEquals(it.asked("POST /new-order"), 1);
});

Deno.test("F-09: 503 for maintenance is asked once more, after its time, and then forgotten", async () => {
  const it = bench({ "POST /new-order": [reply(503, null, { "retry-after": "60" }), ordered] });
  await assertRejects(() => order(it), SidecarError, "503");
  await assertRejects(() => order(it), RateLimitedError);
  await it.clock.advance(60_000);
  await order(it);
  assertEquals(it.asked("POST /new-order"), 2);
  assertEquals(await it.ledger.list("rates/", CALL), []);
});

Deno.test("F-05: 503 on newNonce with Retry-After holds every request back, over a restart", async () => {
  const nonce = (): Response => new Response(null, { headers: { "replay-nonce": "good" } });
  const first = bench({
    "HEAD /new-nonce": [reply(503, null, { "retry-after": "120" }), nonce],
    "POST /order/1": processing,
  });
  await assertRejects(() => first.account.order(url("/order/1"), CALL), SidecarError, "503");
  const it = first.restart();
  await it.clock.advance(119_000);
  for (const ask of [() => order(it), () => it.authority.about(CALL), () => it.authority.find(key, CALL)]) {
    await assertRejects(ask, RateLimitedError, "2026-01-01T00:02:00.000Z");
  }
  assertEquals(it.ca.lines(), ["GET /directory", "HEAD /new-nonce"]);
  await it.clock.advance(1_000);
  await it.account.order(url("/order/1"), CALL);
});

Deno.test("refusals without a time are asked again after 1, 2, 4 … minutes, at most a day", async () => {
  const it = bench({ "POST /new-order": reply(429, null) });
  const waits: number[] = [];
  for (let i = 0; i < 13; i++) {
    await assertRejects(() => order(it), RateLimitedError, "429");
    const error = await assertRejects(() => order(it), RateLimitedError, "gave no time");
    waits.push((error.retryAt!.getTime() - it.clock.now().getTime()) / 60_000);
    await it.clock.jump(error.retryAt!.getTime() - it.clock.now().getTime());
  }
  assertEquals(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 1_440, 1_440]);
});

Deno.test("a refusal of one endpoint holds back no other", async () => {
  const it = bench({
    "POST /order/1": [reply(429, null, { "retry-after": "3600" }), processing],
    "POST /new-order": ordered,
  });
  await assertRejects(() => it.account.order(url("/order/1"), CALL), RateLimitedError, "429");
  await order(it);
  await assertRejects(() => it.account.order(url("/order/1"), CALL), RateLimitedError, "read the order");
  assertEquals(it.asked("POST /order/1"), 1);
});

Deno.test("after a refusal by a limit that we do not know those who wait ask one after the other, until nobody waits", async () => {
  const it = bench({ "POST /new-order": [problem(429, "rateLimited", {}, { "retry-after": "10" }), ordered] });
  const turn = async (name: string): Promise<number> =>
    (await assertRejects(() => order(it, name), RateLimitedError)).retryAt!.getTime() - it.clock.now().getTime();
  await assertRejects(() => order(it, "a.example.com"), SidecarError);
  await it.clock.advance(10_000);
  const first = order(it, "a.example.com");
  assertEquals([await turn("b.example.com"), await turn("c.example.com")], [10_000, 20_000]);
  await first;
  assertStringIncludes(
    (await assertRejects(() => order(it, "c.example.com"), RateLimitedError)).message,
    "the CA refused lately, so it is asked once every 10 s",
  );
  await it.clock.advance(10_000);
  await order(it, "b.example.com");
  await it.clock.advance(10_000);
  await order(it, "c.example.com");
  await order(it, "d.example.com");
  await order(it, "e.example.com");
  assertEquals(it.asked("POST /new-order"), 6);
});

Deno.test("a refusal about one domain holds back only its names", async () => {
  const detail = 'too many certificates (50) already issued for "example.org" in the last 168h0m0s';
  const refused = problem(429, "rateLimited", { detail }, { "retry-after": "7200" });
  const it = bench({ "POST /new-order": [refused, ordered] });
  await assertRejects(() => order(it), SidecarError, "too many certificates");
  await order(it, "www.example.com");
  await assertRejects(() => order(it, "shop.example.org"), RateLimitedError, "2026-01-01T02:00:00.000Z");
  assertEquals(it.asked("POST /new-order"), 2);
});

Deno.test("F-57: a paused name is frozen with the CA's own words, and no other name is", async () => {
  const detail =
    "Your account is temporarily prevented from requesting certificates for www.example.org and possibly others. Please visit: https://portal.example/unpause?jwt=x";
  const it = bench({ "POST /new-order": [problem(429, "rateLimited", { detail }), ordered] });
  await assertRejects(() => order(it), SidecarError, "https://portal.example/unpause");
  const error = await assertRejects(() => order(it), RateLimitedError);
  assertStringIncludes(error.message, "https://portal.example/unpause");
  await order(it, "shop.example.org");
  assertEquals(it.asked("POST /new-order"), 2);
});

const TWO: RateLimit = {
  name: "orders",
  counts: "order",
  per: "account",
  capacity: 2,
  refillMs: 36_000,
  exempt: ["replaces"],
};

Deno.test("a limit that is used up refuses before the CA would, says how much of it is used and when to go on", async () => {
  const first = bench({ "POST /new-order": ordered }, [TWO]);
  await order(first, "a.example.com");
  await order(first, "b.example.com");
  const it = first.restart();
  const error = await assertRejects(() => order(it, "c.example.com"), RateLimitedError);
  assertEquals(
    describe(error),
    "Cannot create the order: 2 of 2 new orders of this account are used (one comes back every 36 s); " +
      "the next is free at 2026-01-01T00:00:36.000Z; the CA was not asked " +
      "(repeat the command then, or get it with --now)",
  );
  assertEquals(it.asked("POST /new-order"), 2);
  assertEquals(it.events.map((event) => [event.name, event.fields?.["limit"]]), [["rate.refused", "orders"]]);
  await it.clock.advance(36_000);
  await order(it, "c.example.com");
});

Deno.test("those who wait for a limit get their turns one after the other, and keep them when they ask again", async () => {
  const it = bench({ "POST /new-order": ordered }, [TWO]);
  await order(it, "a.example.com");
  await order(it, "b.example.com");
  const turn = async (name: string): Promise<number> =>
    ((await assertRejects(() => order(it, name), RateLimitedError)).retryAt!.getTime() - it.clock.now().getTime()) /
    1_000;
  assertEquals([await turn("c.example.com"), await turn("d.example.com"), await turn("c.example.com")], [36, 72, 36]);
  assertStringIncludes(
    (await assertRejects(() => order(it, "d.example.com"), RateLimitedError)).message,
    "others wait for it, the turn here is at 2026-01-01T00:01:12.000Z",
  );
  await it.clock.advance(36_000);
  await order(it, "c.example.com");
  await it.clock.advance(36_000);
  await order(it, "d.example.com");
  assertEquals(await turn("e.example.com"), 36);
});

Deno.test("who insists asks the CA once all the same, but not before the time that the CA named", async () => {
  const it = bench({ "POST /new-order": [ordered, ordered, ordered, reply(429, null, { "retry-after": "600" })] }, [
    TWO,
  ]);
  const insist = (): Promise<unknown> => it.account.insisting!.newOrder({ names: [www] }, CALL);
  await order(it);
  await order(it);
  await assertRejects(() => order(it), RateLimitedError, "2 of 2");
  await insist();
  await assertRejects(insist, RateLimitedError, "answered 429");
  const error = await assertRejects(insist, RateLimitedError);
  assertStringIncludes(describe(error), "the CA asked to wait until 2026-01-01T00:10:00.000Z");
  assertStringIncludes(describe(error), "--now does not override what the CA asked");
  assertEquals(it.asked("POST /new-order"), 4);
});

Deno.test("an order that names its predecessor is free of the limits that say so", async () => {
  const it = bench({ "POST /new-order": ordered }, [TWO]);
  await order(it);
  await order(it);
  await it.account.newOrder({ names: [www], replaces: "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE" }, CALL);
  assertEquals(it.asked("POST /new-order"), 3);
});

Deno.test("a request that the CA refused counts nothing; one whose answer was lost counts", async () => {
  const it = bench({ "POST /new-order": [problem(400, "malformed"), lost, ordered] }, [TWO]);
  await assertRejects(() => order(it), SidecarError, "malformed");
  await assertRejects(() => order(it), SidecarError, "connection reset");
  await order(it);
  await assertRejects(() => order(it), RateLimitedError, "2 of 2");
});

Deno.test("a process that ended before the answer leaves its request counted, from the restart on", async () => {
  const first = bench({ "POST /new-order": [() => new Promise(() => {}), ordered] }, [TWO]);
  order(first).catch(() => {});
  while (first.asked("POST /new-order") === 0) await first.clock.advance(0);
  await first.clock.advance(30_000);
  const it = first.restart();
  await order(it);
  const error = await assertRejects(() => order(it), RateLimitedError);
  assertEquals(error.retryAt, new Date("2026-01-01T00:01:06Z"));
});

Deno.test("the CA's refusal empties the bucket that it speaks of: somebody else takes from it too", async () => {
  const detail = "too many new orders (2) from this account in the last 1m12s";
  const refused = problem(429, "rateLimited", { detail }, { "retry-after": "20" });
  const it = bench({ "POST /new-order": [refused, ordered] }, [TWO]);
  await assertRejects(() => order(it), SidecarError, "too many new orders");
  await it.clock.advance(20_000);
  await order(it);
  const error = await assertRejects(() => order(it), RateLimitedError, "2 of 2");
  assertEquals(error.retryAt, new Date("2026-01-01T00:00:56Z"));
});

Deno.test("a certificate counts once for its order, however often it is sent off", async () => {
  const limits = LETSENCRYPT_LIMITS.filter((it) => it.name === "certificates-per-names")
    .map((it) => ({ ...it, capacity: 2 }));
  const first = bench({ "POST /order/1/finalize": [lost, lost, lost, processing] }, limits);
  for (let i = 0; i < 2; i++) {
    await assertRejects(() => first.account.finalize(READY, CSR, CALL), SidecarError, "connection reset");
  }
  const it = first.restart();
  await assertRejects(() => it.account.finalize(READY, CSR, CALL), SidecarError, "connection reset");
  await it.account.finalize(READY, CSR, CALL);
  await it.account.finalize({ ...READY, url: url("/order/2") }, CSR, CALL);
  const third = { ...READY, url: url("/order/3") };
  const error = await assertRejects(() => it.account.finalize(third, CSR, CALL), RateLimitedError);
  assertStringIncludes(
    error.message,
    "2 of 2 certificates for exactly www.example.org are used (one comes back every 33.6 h)",
  );
});

Deno.test("a certificate for the same names as before is a renewal: free of the limits for orders and domains", async () => {
  const limits = LETSENCRYPT_LIMITS.map((it) => it.per === "names" ? it : { ...it, capacity: 1 });
  const first = bench({ "POST /new-order": ordered, "POST /order/1/finalize": processing }, limits);
  await order(first);
  await first.account.finalize(READY, CSR, CALL);
  const it = first.restart();
  await assertRejects(() => order(it, "shop.example.org"), RateLimitedError, "1 of 1");
  await order(it);
  await it.account.finalize(READY, CSR, CALL);
  await it.clock.jump(121 * 24 * HOUR);
  await order(it);
  await assertRejects(() => order(it), RateLimitedError, "1 of 1 new orders");
});

Deno.test("an authorization that becomes invalid counts once for its name, and holds back orders for it", async () => {
  const invalid = reply(200, {
    status: "invalid",
    identifier: { type: "dns", value: "www.example.org" },
    challenges: [{ type: "http-01", url: `${BASE}/challenge/1`, status: "invalid", token: "t".repeat(22) }],
  });
  const limits = LETSENCRYPT_LIMITS.filter((it) => it.counts === "failure");
  const paths = [1, 2, 3, 4, 5].map((i) => `/authz/${i}`);
  const it = bench({
    "POST /new-order": ordered,
    ...Object.fromEntries(paths.map((path) => [`POST ${path}`, invalid])),
  }, limits);
  for (const path of paths.slice(0, 4)) {
    await it.account.authorization(url(path), CALL);
    await it.account.authorization(url(path), CALL);
  }
  await order(it);
  await it.account.authorization(url("/authz/5"), CALL);
  await assertRejects(() => order(it), RateLimitedError, "5 of 5 failed authorizations for www.example.org are used");
  await order(it, "shop.example.org");
  await it.clock.advance(12 * 60_000);
  await order(it);
});

Deno.test("an authorization that failed counts once also where it is looked at after the ledger was swept", async () => {
  const invalid = reply(200, {
    status: "invalid",
    identifier: { type: "dns", value: "www.example.org" },
    challenges: [],
  });
  const limits = LETSENCRYPT_LIMITS.filter((it) => it.counts === "failure")
    .map((it) => ({ ...it, capacity: 2, refillMs: 24 * HOUR }));
  const it = bench({ "POST /new-order": ordered, "POST /authz/1": invalid, "POST /authz/2": invalid }, limits);
  await it.account.authorization(url("/authz/1"), CALL);
  await it.clock.jump(HOUR + 1);
  await it.account.authorization(url("/authz/1"), CALL);
  await order(it);
  await it.account.authorization(url("/authz/2"), CALL);
  await assertRejects(() => order(it), RateLimitedError, "2 of 2");
});

Deno.test("registration is counted, and looking an account up is not", async () => {
  const made = reply(201, { status: "valid" }, { location: `${BASE}/acct/1` });
  const limits = LETSENCRYPT_LIMITS.filter((it) => it.counts === "account").map((it) => ({ ...it, capacity: 1 }));
  const it = bench({ "POST /new-account": made }, limits);
  const request = { contact: [], termsOfServiceAgreed: true };
  await it.authority.register(key, request, CALL);
  await it.authority.find(key, CALL);
  await assertRejects(
    () => it.authority.register(key, request, CALL),
    RateLimitedError,
    "new accounts from this address",
  );
  assertEquals(it.asked("POST /new-account"), 2);
});

Deno.test("what is over is swept from the ledger", async () => {
  const it = bench({ "POST /new-order": [reply(429, null, { "retry-after": "60" }), ordered] }, [TWO]);
  await assertRejects(() => order(it), RateLimitedError);
  await it.clock.jump(61_000);
  await order(it, "a.example.com");
  assertEquals((await it.ledger.list("rates/", CALL)).map((entry) => (entry.value as { kind: string }).kind), [
    "bucket",
    "bucket",
  ]);
  await it.clock.jump(2 * HOUR);
  await it.authority.about(CALL);
  assertEquals(await it.ledger.list("rates/", CALL), []);
});

Deno.test("what is known of orders is swept when it says nothing any more", async () => {
  const limits = LETSENCRYPT_LIMITS.filter((it) => it.exempt.includes("same names"));
  const it = bench({ "POST /new-order": ordered, "POST /order/1/finalize": [lost, processing] }, limits);
  const kinds = async (): Promise<readonly string[]> => {
    await it.authority.about(CALL); // the hour for it is looked at with each request
    const kept = (await it.ledger.list("rates/", CALL)).map((entry) => (entry.value as { kind: string }).kind);
    return kept.filter((kind) => kind !== "bucket");
  };
  await order(it);
  await assertRejects(() => it.account.finalize(READY, CSR, CALL), SidecarError);
  await it.clock.jump(6 * 24 * HOUR);
  assertEquals(await kinds(), ["order"]);
  await it.account.finalize(READY, CSR, CALL);
  await it.clock.jump(119 * 24 * HOUR);
  assertEquals(await kinds(), ["issued"]);
  await it.clock.jump(2 * 24 * HOUR);
  assertEquals(await kinds(), []);
});

Deno.test("what an order was counted for is forgotten when the order cannot end any more", async () => {
  const limits = LETSENCRYPT_LIMITS.filter((it) => it.exempt.includes("same names"));
  const it = bench({ "POST /new-order": ordered, "POST /order/1/finalize": lost }, limits);
  await order(it);
  await assertRejects(() => it.account.finalize(READY, CSR, CALL), SidecarError);
  await it.clock.jump(8 * 24 * HOUR);
  await it.authority.about(CALL);
  assertEquals(await it.ledger.list("rates/", CALL), []);
});

Deno.test("a ledger that could not be read is read again by the next request", async () => {
  const first = bench({ "POST /new-order": ordered }, [TWO]);
  for (let i = 0; i < 2; i++) await order(first);
  let broken = true;
  const list: Ledger["list"] = (...given) =>
    broken ? (broken = false, Promise.reject(new Error("EIO"))) : first.ledger.list(...given);
  const it = bench({ "POST /new-order": ordered }, [TWO], { clock: first.clock, ledger: { ...first.ledger, list } });
  await assertRejects(() => order(it), Error, "EIO");
  await assertRejects(() => order(it), RateLimitedError, "2 of 2");
});

Deno.test("without limits nothing is counted and nothing written", async () => {
  const it = bench({ "POST /new-order": ordered, "POST /order/1/finalize": processing });
  for (let i = 0; i < 400; i++) await order(it);
  await it.account.finalize(READY, CSR, CALL);
  assertEquals(await it.ledger.list("rates/", CALL), []);
});
