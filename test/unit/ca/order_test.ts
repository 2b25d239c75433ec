import { assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { startAuthority } from "../../ca/mod.ts";
import { authorize, BELIEVING, certified, order, registered } from "../../support/order_by_hand.ts";
import { csrPayload } from "../../support/csr_by_hand.ts";

const NOW = Date.parse("2026-11-23T12:00:00Z");
const DAY = 86_400_000;

Deno.test("newOrder answers as RFC 8555 §7.4 says", async () => {
  await using authority = await startAuthority({ now: () => new Date(NOW) });
  const client = await registered(authority.directory);
  const made = await order(client, ["b.example.com", "*.example.org", "A.example.com"]);
  assertEquals(made.status, 201);
  assertMatch(made.headers.get("location") ?? "", /\/order\/[\w-]+$/);
  const { authorizations, finalize, ...rest } = made.json;
  assertEquals(rest, {
    status: "pending",
    expires: "2026-11-30T12:00:00Z",
    identifiers: ["*.example.org", "a.example.com", "b.example.com"].map((value) => ({ type: "dns", value })),
    profile: "classic",
  });
  assertEquals([authorizations.length, finalize.startsWith(authority.directory.origin)], [3, true]);
  const [wildcard, plain] = [await client.post(authorizations[0]), await client.post(authorizations[1])];
  assertEquals(wildcard.json.identifier, { type: "dns", value: "example.org" });
  assertEquals([wildcard.json.wildcard, plain.json.wildcard], [true, undefined]);
  assertEquals(wildcard.json.challenges.map((it: { type: string }) => it.type), ["dns-01"]);
  assertEquals(
    plain.json.challenges.map((it: { type: string }) => it.type).sort(),
    ["dns-01", "http-01", "tls-alpn-01", "tls-sni-01"],
  );
  for (const { token, status } of plain.json.challenges) {
    assertMatch(token, /^[A-Za-z0-9_-]{43}$/);
    assertEquals(status, "pending");
  }
});

/** The payload's fields beside one name, and the problem. */
const ORDERS: readonly (readonly [string, object, string])[] = [
  ["no identifiers", { identifiers: [] }, "malformed"],
  ["an identifier without type", { identifiers: [{ value: "a.example.com" }] }, "malformed"],
  ["an IP address", { identifiers: [{ type: "ip", value: "192.0.2.1" }] }, "unsupportedIdentifier"],
  ["an IP address as DNS name", { identifiers: [{ type: "dns", value: "192.0.2.1" }] }, "rejectedIdentifier"],
  ["one label", { identifiers: [{ type: "dns", value: "localhost" }] }, "rejectedIdentifier"],
  ["a final dot", { identifiers: [{ type: "dns", value: "example.com." }] }, "rejectedIdentifier"],
  ["two dots", { identifiers: [{ type: "dns", value: "a..example.com" }] }, "rejectedIdentifier"],
  ["an underscore", { identifiers: [{ type: "dns", value: "a_b.example.com" }] }, "rejectedIdentifier"],
  ["a wildcard in the middle", { identifiers: [{ type: "dns", value: "a.*.example.com" }] }, "rejectedIdentifier"],
  ["a blocked name", { identifiers: [{ type: "dns", value: "a.blocked.test" }] }, "rejectedIdentifier"],
  ["a Unicode name", { identifiers: [{ type: "dns", value: "ä.example.com" }] }, "rejectedIdentifier"],
  ["a covered name", {
    identifiers: ["*.example.com", "a.example.com"].map((value) => ({ type: "dns", value })),
  }, "malformed"],
  ["too many names", {
    identifiers: Array.from({ length: 101 }, (_, i) => ({ type: "dns", value: `a${i}.example.com` })),
  }, "malformed"],
  ["notAfter", { notAfter: "2026-12-01T00:00:00Z" }, "malformed"],
  ["an unknown profile", { profile: "toString" }, "invalidProfile"],
  ["a broken certID", { replaces: "x" }, "malformed"],
  ["the field of a draft", { resource: "new-order" }, "malformed"],
];

for (const [what, payload, problem] of ORDERS) {
  Deno.test(`newOrder refuses ${what}`, async () => {
    await using authority = await startAuthority({ blocked: ["blocked.test"] });
    const client = await registered(authority.directory);
    const reply = await order(client, ["www.example.com"], payload);
    assertEquals([reply.status, reply.problem], [400, problem], reply.text);
    assertEquals(authority.counters.orders, 0);
  });
}

Deno.test("newOrder says of each bad name what is wrong with it", async () => {
  await using authority = await startAuthority();
  const client = await registered(authority.directory);
  const { json } = await order(client, ["good.example.com", "bad_1.example.com", "bad..example.com"]);
  assertEquals(json.subproblems.map((it: { identifier: { value: string } }) => it.identifier.value), [
    "bad..example.com",
    "bad_1.example.com",
  ]);
});

Deno.test("an order like Boulder's is handed back while it is open", async () => {
  await using authority = await startAuthority(BELIEVING);
  const client = await registered(authority.directory);
  const first = await order(client, ["a.example.com", "b.example.com"]);
  const second = await order(client, ["b.example.com", "a.example.com"]);
  assertEquals(second.headers.get("location"), first.headers.get("location"));
  const other = await order(client, ["a.example.com", "b.example.com"], { profile: "shortlived" });
  assertNotEquals(other.headers.get("location"), first.headers.get("location"));
  const done = await certified(client, ["a.example.com", "b.example.com"]);
  assertEquals(done.json.status, "valid");
  const next = await order(client, ["a.example.com", "b.example.com"]);
  assertNotEquals(next.headers.get("location"), first.headers.get("location"));
  assertEquals(next.json.status, "ready", "its authorizations were valid already");
  assertEquals([authority.counters.orders, authority.counters.ordersHandedBack], [3, 2]);
  assertEquals(first.json.orders, undefined);
});

Deno.test("an account like Pebble's gets new orders, a list of them, half its authorizations again", async () => {
  await using authority = await startAuthority({ ...BELIEVING, like: "pebble", seed: "a" });
  const client = await registered(authority.directory);
  const names = Array.from({ length: 20 }, (_, i) => `n${i}.example.com`);
  const first = await order(client, names, { profile: "classic" });
  assertNotEquals(first.json.identifiers.map((it: { value: string }) => it.value), [...names].sort());
  await authorize(client, first);
  const second = await order(client, names, { profile: "classic" });
  const kept = second.json.authorizations.filter((it: string) => first.json.authorizations.includes(it));
  assertEquals(kept.length > 0 && kept.length < 20, true, `${kept.length} of 20 authorizations again`);
  for (let i = 0; i < 2; i++) await order(client, [`m${i}.example.com`]);
  const { json: { orders } } = await client.post(client.account);
  const page = await client.post(orders);
  assertEquals(page.json.orders.length, 3);
  const [, next = ""] = /<([^>]+)>;rel="next"/.exec(page.headers.get("link") ?? "") ?? [];
  const last = await client.post(next);
  assertEquals(last.json.orders.length, 1);
  assertEquals(last.headers.get("link")?.includes("next"), false);
  assertEquals((await client.post(`${orders}?cursor=x`)).problem, "malformed");
});

Deno.test("authorizations are not taken over across profiles", async () => {
  await using authority = await startAuthority(BELIEVING);
  const client = await registered(authority.directory);
  await authorize(client, await order(client, ["a.example.com"], { profile: "classic" }));
  const statuses = await Promise.all(
    ["shortlived", "classic"].map((it) => order(client, ["a.example.com"], { profile: it })),
  );
  assertEquals(statuses.map(({ json }) => json.status), ["pending", "ready"]);
});

Deno.test("an order without profile gets the first, or any of them", async () => {
  const profiles = async (noProfile: "first" | "random"): Promise<readonly string[]> => {
    await using authority = await startAuthority({ noProfile, orderReuse: false });
    const client = await registered(authority.directory);
    const found = new Set<string>();
    for (let i = 0; i < 12; i++) found.add((await order(client, ["a.example.com"])).json.profile);
    return [...found].sort();
  };
  assertEquals(await profiles("first"), ["classic"]);
  assertEquals(await profiles("random"), ["classic", "shortlived", "tlsserver"]);
});

Deno.test("chance repeats itself with the seed", async () => {
  const course = async (seed: string): Promise<string> => {
    await using authority = await startAuthority({ like: "pebble", seed, now: () => new Date(NOW) });
    const client = await registered(authority.directory);
    const { text } = await order(client, ["a.example.com", "b.example.com", "c.example.com"]);
    return text.replaceAll(authority.directory.origin, "");
  };
  const first = await course("one");
  assertEquals(await course("one"), first);
  assertNotEquals(await course("two"), first);
});

Deno.test("an order goes from pending to valid by way of ready and processing", async () => {
  await using authority = await startAuthority({ ...BELIEVING, retryAfter: { seconds: 3, form: "seconds" } });
  const client = await registered(authority.directory);
  const made = await order(client, ["a.example.com"]);
  const early = await client.post(made.json.finalize, await csrPayload(["a.example.com"]));
  assertEquals([early.status, early.problem], [403, "orderNotReady"]);
  assertEquals(early.json.detail, `Order's status ("pending") is not acceptable for finalization`);
  assertEquals((await authorize(client, made)).json.status, "ready");
  const finalized = await client.post(made.json.finalize, await csrPayload(["a.example.com"]));
  assertEquals([finalized.json.status, finalized.headers.get("retry-after")], ["processing", "3"]);
  assertEquals(finalized.headers.get("location"), made.headers.get("location"));
  const done = await certified(client, ["b.example.com"]);
  assertEquals(done.json.status, "valid");
  const late = await client.post(made.json.finalize, await csrPayload(["a.example.com"]));
  assertEquals([late.status, late.problem], [403, "orderNotReady"]);
});

Deno.test("an answer to finalize can be valid at once, and without Location", async () => {
  await using authority = await startAuthority({ ...BELIEVING, finalize: "valid", finalizeLocation: false });
  const client = await registered(authority.directory);
  const made = await order(client, ["a.example.com"]);
  await authorize(client, made);
  const { json, headers } = await client.post(made.json.finalize, await csrPayload(["a.example.com"]));
  assertEquals([json.status, headers.get("location"), headers.get("retry-after")], ["valid", null, null]);
  assertMatch(json.certificate, /\/certificate\//);
});

Deno.test("Retry-After comes as a date or as seconds", async () => {
  await using authority = await startAuthority({
    retryAfter: { seconds: 5, form: "either" },
    validationDelayMs: 100_000,
    now: () => new Date(NOW),
  });
  const client = await registered(authority.directory);
  const made = await order(client, ["a.example.com"]);
  const { json: { challenges: [challenge] } } = await client.post(made.json.authorizations[0]);
  await client.post(challenge.url, {});
  const forms = new Set<string | null>();
  for (let i = 0; i < 12; i++) forms.add((await client.post(made.json.authorizations[0])).headers.get("retry-after"));
  assertEquals([...forms].sort(), ["5", "Mon, 23 Nov 2026 12:00:05 GMT"]);
});

Deno.test("a challenge is answered by {} and nothing else", async () => {
  await using authority = await startAuthority(BELIEVING);
  const client = await registered(authority.directory);
  const made = await order(client, ["a.example.com"]);
  const [url] = made.json.authorizations;
  const { json: { challenges: [challenge] } } = await client.post(url);
  for (const payload of [{ keyAuthorization: "x" }, [], "", null]) {
    assertEquals((await client.post(challenge.url, payload)).problem, "malformed", JSON.stringify(payload));
  }
  const read = await client.post(challenge.url);
  assertEquals([read.json.status, authority.counters.validations], ["pending", 0]);
  const begun = await client.post(challenge.url, {});
  assertEquals(begun.json.status, "processing");
  assertStringIncludes(begun.headers.get("link") ?? "", `<${url}>;rel="up"`);
  await authorize(client, made);
  assertEquals((await client.post(challenge.url, {})).problem, "malformed", "it is decided");
  const decided = await client.post(url);
  assertEquals([decided.json.status, decided.json.challenges.length], ["valid", 1]);
});

Deno.test("POST-as-GET has an empty payload", async () => {
  await using authority = await startAuthority(BELIEVING);
  const client = await registered(authority.directory);
  const done = await certified(client, ["a.example.com"]);
  assertEquals((await client.post(done.json.certificate, {})).problem, "malformed");
  const [location] = authority.log.filter((it) => it.endpoint === "order").map(({ path }) => path);
  assertEquals((await client.post(`${authority.directory.origin}${location}`, {})).problem, "malformed");
});

Deno.test("a deactivated authorization takes its order with it", async () => {
  await using authority = await startAuthority(BELIEVING);
  const client = await registered(authority.directory);
  const made = await order(client, ["a.example.com"]);
  await authorize(client, made);
  const [url] = made.json.authorizations;
  assertEquals((await client.post(url, { status: "valid" })).problem, "malformed");
  assertEquals((await client.post(url, { status: "deactivated" })).json.status, "deactivated");
  assertEquals((await client.post(made.headers.get("location")!)).json.status, "invalid");
  assertEquals((await client.post(url, { status: "deactivated" })).problem, "malformed");
});

Deno.test("time ends orders and authorizations", async () => {
  let now = NOW;
  await using authority = await startAuthority({ ...BELIEVING, now: () => new Date(now) });
  const client = await registered(authority.directory);
  const pending = await order(client, ["a.example.com"]);
  const ready = await order(client, ["b.example.com"]);
  await authorize(client, ready);
  now += 7 * DAY;
  for (const { headers } of [pending, ready]) {
    assertEquals((await client.post(headers.get("location")!)).json.status, "invalid");
  }
  assertEquals((await order(client, ["b.example.com"])).json.status, "ready");
  now += 23 * DAY;
  assertEquals((await client.post(pending.json.authorizations[0])).json.status, "invalid");
  assertEquals((await client.post(ready.json.authorizations[0])).json.status, "expired");
  assertEquals((await order(client, ["b.example.com"])).json.status, "pending");
});

Deno.test("nothing of an account is somebody else's", async () => {
  await using authority = await startAuthority(BELIEVING);
  const [client, other] = [await registered(authority.directory), await registered(authority.directory)];
  const made = await order(client, ["a.example.com"]);
  const { json: { challenges: [challenge] } } = await client.post(made.json.authorizations[0]);
  const done = await certified(client, ["b.example.com"]);
  const csr = await csrPayload(["a.example.com"]);
  const asked: readonly (readonly [string, unknown])[] = [
    [made.headers.get("location")!, undefined],
    [made.json.finalize, csr],
    [made.json.authorizations[0], undefined],
    [made.json.authorizations[0], { status: "deactivated" }],
    [challenge.url, {}],
    [done.json.certificate, undefined],
  ];
  for (const [url, payload] of asked) {
    const reply = await other.post(url, payload);
    assertEquals([reply.status, reply.problem], [403, "unauthorized"], url);
    assertEquals((await client.post(`${url}0`, payload)).status, 404, url);
  }
});
