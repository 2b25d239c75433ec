import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createPublicKey, verify } from "node:crypto";
import { acmeAuthority } from "../../../src/acme/authority.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { AcmeProblemError, InputError, SidecarError } from "../../../src/model/errors.ts";
import type { Order } from "../../../src/model/order.ts";
import { problemName } from "../../../src/model/problem.ts";
import type { AuthorityAccount, CertificateAuthority } from "../../../src/ports.ts";
import { makeAccountKey } from "../../support/account_key.ts";
import {
  BASE,
  DIRECTORY,
  lost,
  problem,
  type Reply,
  reply,
  type RoutedCa,
  routes,
  type Seen,
  silence,
} from "../../support/acme_routes.ts";
import { type FakeClock, fakeClock } from "../../support/fake_clock.ts";

const call = { signal: new AbortController().signal };
const key = await makeAccountKey();
const www = parseDnsName("www.example.org");
const url = (path: string): URL => new URL(`${BASE}${path}`);

interface Bench {
  readonly ca: RoutedCa;
  readonly clock: FakeClock;
  readonly authority: CertificateAuthority;
  readonly account: AuthorityAccount;
}

function bench(table: Parameters<typeof routes>[0], directory = "/directory", hosts: readonly string[] = []): Bench {
  const ca = routes(table);
  const clock = fakeClock();
  const never = new AbortController().signal;
  const authority = acmeAuthority({
    directory: url(directory),
    hosts,
    fetch: ca.fetch,
    clock,
    userAgent: "kontena-certificates/0.1",
    deadline: () => never,
  });
  return { ca, clock, authority, account: authority.as(url("/acct/1"), key) };
}

const ORDER = {
  status: "pending",
  identifiers: [{ type: "dns", value: "www.example.org" }],
  authorizations: [`${BASE}/authz/1`],
  finalize: `${BASE}/order/1/finalize`,
};
const created = reply(201, ORDER, { location: `${BASE}/order/1` });
const AUTHORIZATION = {
  status: "pending",
  identifier: { type: "dns", value: "www.example.org" },
  challenges: [{ type: "http-01", url: `${BASE}/chall/1`, status: "pending", token: "x" }],
};
const badNonce = problem(400, "badNonce");

// --- The directory -----------------------------------------------------------------------------------------------------

Deno.test("acmeAuthority() sends nothing before it is asked, and fetches the directory once for all who ask", async () => {
  const { ca, authority } = bench({});
  assertEquals(ca.lines(), []);
  const [a, b] = await Promise.all([authority.about(call), authority.about(call)]);
  await authority.about(call);
  assertEquals(a, b);
  assertEquals(a.termsOfService, url("/terms"));
  assertEquals(ca.lines(), ["GET /directory"]);
});

Deno.test("about() fetches the directory again after an hour", async () => {
  const { ca, clock, authority } = bench({});
  await authority.about(call);
  await clock.advance(3_600_000 - 1);
  await authority.about(call);
  assertEquals(ca.lines().length, 1);
  await clock.advance(1);
  await authority.about(call);
  assertEquals(ca.lines().length, 2);
});

for (const status of [404, 405]) {
  Deno.test(`a ${status} for a URL of the directory has it fetched again, one for an order has not`, async () => {
    const { ca, account, authority } = bench({
      "POST /new-order": problem(status, "malformed"),
      "POST /order/1": problem(status, "malformed"),
    });
    await assertRejects(() => account.newOrder({ names: [www] }, call), AcmeProblemError);
    await authority.about(call);
    await assertRejects(() => account.order(url("/order/1"), call), AcmeProblemError);
    await authority.about(call);
    assertEquals(ca.lines().filter((line) => line === "GET /directory").length, 2);
  });
}

Deno.test("about() takes relative URLs, and those of ACME_HOSTS", async () => {
  const directory = { ...DIRECTORY, newOrder: "new-order", newNonce: "https://api.example/nonce" };
  const { ca, account } = bench(
    {
      "GET /directory": reply(200, directory),
      "HEAD https://api.example/nonce": reply(200, null, { "replay-nonce": "x" }),
      "POST /new-order": created,
    },
    "/directory",
    ["api.example"],
  );
  await account.newOrder({ names: [www] }, call);
  assertEquals(ca.lines(), ["GET /directory", "HEAD https://api.example/nonce", "POST /new-order"]);
});

const page = reply(200, "<!doctype html>", { "content-type": "text/html" });
for (
  const [why, directory, code, part, todo] of [
    ["a web page", page, "CA_TRANSPORT", "text/html", "ACME_DIRECTORY_URL"],
    ["not found", reply(404, "no", { "content-type": "text/plain" }), "CA_TRANSPORT", "404", "ACME_DIRECTORY_URL"],
    ["a list", reply(200, []), "CA_ANSWER", "an array", "ACME_DIRECTORY_URL"],
    ["something else", reply(200, { hello: 1 }), "CA_ANSWER", '"newNonce" is missing', "ACME_DIRECTORY_URL"],
    [
      "others' URLs",
      reply(200, { ...DIRECTORY, newOrder: "https://b.example/" }),
      "CA_ANSWER",
      "b.example",
      "ACME_HOSTS",
    ],
    ["nobody", lost, "CA_TRANSPORT", "connection reset", "ACME_DIRECTORY_URL"],
  ] as const
) {
  Deno.test(`about() says that the directory is wrong: ${why}`, async () => {
    const { clock, authority } = bench({ "GET /directory": directory });
    const error = await assertRejects(() => clock.run(authority.about(call)), SidecarError, part);
    assertEquals([error.code, error.field], [code, "acme_directory_url"]);
    assertStringIncludes(error.todo ?? "", todo);
  });
}

const to = (location: string): Reply => reply(302, "moved", { location, "content-type": "text/html" });
Deno.test("about() follows one redirect", async () => {
  const { ca, authority } = bench({ "GET /old": to("/directory") }, "/old");
  await authority.about(call);
  assertEquals(ca.lines(), ["GET /old", "GET /directory"]);
});

for (
  const [why, first, second] of [
    ["more than one", to("/next"), to("/directory")],
    ["to plain http", to("http://ca.example/directory"), undefined],
    ["to another host", to("https://b.example/directory"), undefined],
  ] as const
) {
  Deno.test(`about() follows no redirect ${why}`, async () => {
    const { ca, authority } = bench({ "GET /old": first, "GET /next": second ?? silence }, "/old");
    const error = await assertRejects(() => authority.about(call), SidecarError);
    assertEquals(error.field, "acme_directory_url");
    assertEquals(ca.lines().length, second === undefined ? 1 : 2);
  });
}

Deno.test("about() ends at once for the one who leaves, and goes on for the other", async () => {
  const open = Promise.withResolvers<void>();
  const slow: Reply = async (seen, signal) => {
    await open.promise;
    return reply(200, DIRECTORY)(seen, signal);
  };
  const { ca, authority } = bench({ "GET /directory": slow });
  const controller = new AbortController();
  const left = assertRejects(() => authority.about({ signal: controller.signal }), RangeError, "enough");
  const stays = authority.about(call);
  controller.abort(new RangeError("enough"));
  await left;
  open.resolve();
  await stays;
  assertEquals(ca.lines().length, 1);
});

Deno.test("about() gives the request up when the last has left", async () => {
  const asked: AbortSignal[] = [];
  const hanging: Reply = (seen, signal) => {
    asked.push(signal);
    return silence(seen, signal);
  };
  const { authority } = bench({ "GET /directory": [hanging, reply(200, DIRECTORY)] });
  const controller = new AbortController();
  const left = assertRejects(() => authority.about({ signal: controller.signal }), RangeError, "enough");
  controller.abort(new RangeError("enough"));
  await left;
  assertEquals(asked.map((it) => it.aborted), [true]);
  await authority.about(call);
});

// --- Nonces ------------------------------------------------------------------------------------------------------------

/** Checks a request as a CA does: signature, URL, and a nonce that was given out and never used. */
function check(seen: Seen, given: Set<string>): void {
  const { protected: header, url } = seen;
  const jws = JSON.parse(seen.body);
  const signature = Uint8Array.fromBase64(jws.signature, { alphabet: "base64url" });
  const publicKey = createPublicKey({ key: { ...key.publicJwk }, format: "jwk" });
  const input = new TextEncoder().encode(`${jws.protected}.${jws.payload}`);
  assert(verify("sha256", input, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature), "signature");
  assertEquals(header["url"], url);
  assert(given.delete(String(header["nonce"])), `nonce ${header["nonce"]} was not given out, or used before`);
}

Deno.test("each request is signed for its URL with a nonce of its own, taken from the answer before", async () => {
  const { ca, account } = bench({ "POST /order/1": reply(200, ORDER), "POST /authz/1": reply(200, AUTHORIZATION) });
  await account.order(url("/order/1"), call);
  await account.authorization(url("/authz/1"), call);
  await account.order(url("/order/1"), call);
  const given = new Set(["h1", "n2", "n3"]);
  for (const seen of ca.seen.filter((it) => it.body !== "")) check(seen, given);
  assertEquals(ca.lines(), ["GET /directory", "HEAD /new-nonce", "POST /order/1", "POST /authz/1", "POST /order/1"]);
});

Deno.test("a hundred requests at once share the nonces that come back", async () => {
  const { ca, account } = bench({ "POST /authz/1": reply(200, AUTHORIZATION) });
  await Promise.all(Array.from({ length: 100 }, () => account.authorization(url("/authz/1"), call)));
  const posts = ca.seen.filter((it) => it.body !== "");
  assertEquals(new Set(posts.map((it) => it.protected["nonce"])).size, 100);
  assertEquals(ca.lines().filter((line) => line === "HEAD /new-nonce").length, 4);
});

Deno.test("badNonce: the same request is signed anew with the nonce of that very answer", async () => {
  const { ca, account } = bench({ "POST /new-order": [badNonce, badNonce, created] });
  await account.newOrder({ names: [www] }, call);
  const posts = ca.seen.filter((it) => it.body !== "");
  assertEquals(posts.map((it) => it.protected["nonce"]), ["h1", "n2", "n3"]);
  assertEquals(new Set(posts.map((it) => it.payload)).size, 1);
  for (const seen of posts) check(seen, new Set(["h1", "n2", "n3"]));
});

Deno.test("badNonce without a nonce asks for one", async () => {
  const bare = problem(400, "badNonce", {}, { "replay-nonce": "-" });
  const { ca, account } = bench({ "POST /new-order": [bare, created] });
  await account.newOrder({ names: [www] }, call);
  assertEquals(ca.lines().slice(1), ["HEAD /new-nonce", "POST /new-order", "HEAD /new-nonce", "POST /new-order"]);
});

Deno.test("badNonce for ever ends after 250 tries, the first 20 at once", async () => {
  const { ca, clock, account } = bench({ "POST /new-order": badNonce });
  const begun = clock.now().getTime();
  const ordered = assertRejects(
    () => clock.run(account.newOrder({ names: [www] }, call)),
    AcmeProblemError,
    "badNonce",
  );
  assertEquals(problemName((await ordered).problem), "badNonce");
  assertEquals(ca.lines().filter((line) => line === "POST /new-order").length, 250);
  assertEquals(clock.now().getTime() - begun, 230 * 100);
});

Deno.test("badNonce for ever ends after 30 s where the CA is slow", async () => {
  const { ca, clock, account } = bench({
    "POST /new-order": async (seen, signal) => {
      await clock.sleep(2_000, { signal });
      return badNonce(seen, signal);
    },
  });
  await assertRejects(() => clock.run(account.newOrder({ names: [www] }, call)), AcmeProblemError, "badNonce");
  assertEquals(ca.lines().filter((line) => line === "POST /new-order").length, 15);
});

Deno.test("badNonce ends at once on abort", async () => {
  const { clock, account } = bench({ "POST /new-order": badNonce });
  const controller = new AbortController();
  const ordered = account.newOrder({ names: [www] }, { signal: controller.signal });
  const ended = assertRejects(() => ordered, RangeError, "enough");
  await clock.advance(500);
  controller.abort(new RangeError("enough"));
  await ended;
  assertEquals(clock.sleeping, 0);
});

for (const nonce of ["not base64url!", "a, b", "x".repeat(10_000), "padded=="]) {
  Deno.test(`a nonce is dropped that is not one: ${nonce.slice(0, 20)}`, async () => {
    const { ca, account } = bench({ "POST /order/1": reply(200, ORDER, { "replay-nonce": nonce }) });
    await account.order(url("/order/1"), call);
    await account.order(url("/order/1"), call);
    const nonces = ca.seen.filter((it) => it.body !== "").map((it) => it.protected["nonce"]);
    assertEquals(nonces, ["h1", "h2"]);
  });
}

Deno.test("newNonce is asked by GET where the CA does not know HEAD", async () => {
  const { ca, account } = bench({
    "HEAD /new-nonce": reply(405),
    "GET /new-nonce": [reply(204, null, { "replay-nonce": "a" }), reply(204, null, { "replay-nonce": "b" })],
    "POST /order/1": reply(200, ORDER, { "replay-nonce": "-" }),
  });
  await account.order(url("/order/1"), call);
  await account.order(url("/order/1"), call);
  assertEquals(ca.lines().filter((line) => line.endsWith("/new-nonce")), [
    "HEAD /new-nonce",
    "GET /new-nonce",
    "GET /new-nonce",
  ]);
});

Deno.test("newNonce that is refused with Retry-After is not asked again", async () => {
  const { ca, account } = bench({ "HEAD /new-nonce": reply(503, null, { "retry-after": "120" }) });
  const error = await assertRejects(() => account.order(url("/order/1"), call), SidecarError, "503");
  assertEquals([error.code, error.retryAt], ["CA_TRANSPORT", new Date("2026-01-01T00:02:00Z")]);
  assertEquals(ca.lines(), ["GET /directory", "HEAD /new-nonce"]);
});

Deno.test("newNonce that is not there has the directory fetched again", async () => {
  const { ca, account } = bench({ "HEAD /new-nonce": reply(404) });
  await assertRejects(() => account.order(url("/order/1"), call), SidecarError, "404");
  await assertRejects(() => account.order(url("/order/1"), call), SidecarError, "404");
  assertEquals(ca.lines(), ["GET /directory", "HEAD /new-nonce", "GET /directory", "HEAD /new-nonce"]);
});

Deno.test("newNonce without a nonce is an error", async () => {
  const { account } = bench({ "HEAD /new-nonce": reply(200) });
  const error = await assertRejects(() => account.order(url("/order/1"), call), SidecarError, "Replay-Nonce");
  assertEquals(error.code, "CA_ANSWER");
});

Deno.test("the nonce of an error is used too", async () => {
  const { ca, account } = bench({ "POST /order/1": [problem(403, "unauthorized"), reply(200, ORDER)] });
  await assertRejects(() => account.order(url("/order/1"), call), AcmeProblemError);
  await account.order(url("/order/1"), call);
  assertEquals(ca.seen.at(-1)?.protected["nonce"], "n2");
});

Deno.test("the nonce of an answer whose body breaks off is used too", async () => {
  const broken: Reply = () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new TypeError("connection reset")) });
    return new Response(body, { headers: { "replay-nonce": "survivor", "content-type": "application/json" } });
  };
  const { ca, account } = bench({ "POST /new-order": broken, "POST /order/1": reply(200, ORDER) });
  await assertRejects(() => account.newOrder({ names: [www] }, call), SidecarError, "connection reset");
  await account.order(url("/order/1"), call);
  assertEquals(ca.seen.at(-1)?.protected["nonce"], "survivor");
});

// --- What is sent again, and what is not -------------------------------------------------------------------------------

const cut: Reply = (seen, signal) => reply(200, "{", { "content-type": "application/json" })(seen, signal);
for (
  const [why, trouble] of [
    ["the connection is lost", lost],
    ["the JSON is cut off", cut],
    ["a web page comes", page],
    ["a gateway fails", reply(502, "bad gateway", { "content-type": "text/html" })],
    ["the CA fails", problem(500, "serverInternal")],
  ] as const
) {
  Deno.test(`a read is asked again, signed anew, when ${why}`, async () => {
    const { ca, clock, account } = bench({ "POST /order/1": [trouble, trouble, reply(200, ORDER)] });
    await clock.run(account.order(url("/order/1"), call));
    const posts = ca.seen.filter((it) => it.body !== "");
    assertEquals(posts.length, 3);
    assertEquals(new Set(posts.map((it) => it.protected["nonce"])).size, 3);
  });

  Deno.test(`a read is asked three times at most when ${why}`, async () => {
    const { ca, clock, account } = bench({ "POST /order/1": trouble });
    await assertRejects(() => clock.run(account.order(url("/order/1"), call)), SidecarError);
    assertEquals(ca.lines().filter((line) => line === "POST /order/1").length, 3);
    assertEquals(clock.sleeping, 0);
  });
}

const acts: Readonly<Record<string, (account: AuthorityAccount, authority: CertificateAuthority) => Promise<unknown>>> =
  {
    "POST /new-order": (account) => account.newOrder({ names: [www] }, call),
    "POST /chall/1": (account) => account.respond(url("/chall/1"), call),
    "POST /order/1/finalize": (account) => account.finalize(pending, Uint8Array.of(1), call),
    "POST /new-account": (_, authority) => authority.register(key, { contact: [], termsOfServiceAgreed: true }, call),
  };
const pending: Order = {
  url: url("/order/1"),
  status: "ready",
  names: [www],
  authorizations: [],
  finalize: url("/order/1/finalize"),
};
for (const [line, act] of Object.entries(acts)) {
  for (const [why, trouble] of [["the connection is lost", lost], ["a gateway fails", reply(502)]] as const) {
    Deno.test(`${line} is not sent again when ${why}`, async () => {
      const { ca, account, authority } = bench({ [line]: trouble });
      const error = await assertRejects(() => act(account, authority), SidecarError, "Cannot ");
      assertEquals(error.code, "CA_TRANSPORT");
      assertEquals(ca.lines().filter((it) => it === line).length, 1);
    });
  }

  Deno.test(`${line} follows no redirect`, async () => {
    const { ca, account, authority } = bench({ [line]: to("/elsewhere") });
    const error = await assertRejects(() => act(account, authority), SidecarError, "not followed");
    assertEquals(error.code, "CA_ANSWER");
    assertEquals(ca.lines().filter((it) => it.startsWith("POST")), [line]);
  });
}

Deno.test("a CA whose HTTPS is not trusted is not asked again", async () => {
  const cause = new Error("invalid peer certificate: UnknownIssuer");
  const { ca, authority } = bench({ "GET /directory": () => Promise.reject(new TypeError("fetch failed", { cause })) });
  const error = await assertRejects(() => authority.about(call), SidecarError, "UnknownIssuer");
  assertStringIncludes(error.todo ?? "", "ACME_CA_FILE");
  assertEquals(ca.lines().length, 1);
});

Deno.test("a rate limit is not asked again, and says until when", async () => {
  const limited = problem(429, "rateLimited", {}, { "retry-after": "3600" });
  const { ca, account } = bench({ "POST /order/1": limited });
  const error = await assertRejects(() => account.order(url("/order/1"), call), AcmeProblemError);
  assertEquals(error.retryAt, new Date("2026-01-01T01:00:00Z"));
  assertEquals(ca.lines().filter((line) => line === "POST /order/1").length, 1);
});

Deno.test("a request ends at once on abort with the caller's reason", async () => {
  const { account } = bench({ "POST /new-order": silence });
  const controller = new AbortController();
  const ended = assertRejects(
    () => account.newOrder({ names: [www] }, { signal: controller.signal }),
    RangeError,
    "enough",
  );
  await new Promise((resolve) => setTimeout(resolve));
  controller.abort(new RangeError("enough"));
  await ended;
});

// --- Accounts ----------------------------------------------------------------------------------------------------------

const here = { location: `${BASE}/acct/1` };
for (const status of [200, 201]) {
  Deno.test(`register() takes ${status} and the Location`, async () => {
    const { ca, authority } = bench({ "POST /new-account": reply(status, { status: "valid" }, here) });
    const request = { contact: ["mailto:a@example.org"], termsOfServiceAgreed: true };
    assertEquals(await authority.register(key, request, call), url("/acct/1"));
    const { protected: header, payload } = ca.seen.at(-1) ?? {};
    assertEquals([header?.["jwk"], header?.["kid"]], [key.publicJwk, undefined]);
    assertEquals(JSON.parse(payload ?? ""), request);
  });
}

Deno.test("register() agrees to nothing unasked and names no contact", async () => {
  const { ca, authority } = bench({ "POST /new-account": reply(201, {}, here) });
  await authority.register(key, { contact: [], termsOfServiceAgreed: false }, call);
  assertEquals(ca.seen.at(-1)?.payload, "{}");
});

Deno.test("register() binds an external account by an inner JWS without nonce", async () => {
  const { ca, authority } = bench({ "POST /new-account": reply(201, {}, here) });
  const externalAccount = { kid: "kid-1", hmacKey: "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTMy" };
  await authority.register(key, { contact: [], termsOfServiceAgreed: true, externalAccount }, call);
  const { externalAccountBinding: inner } = JSON.parse(ca.seen.at(-1)?.payload ?? "");
  const header = JSON.parse(atob(inner.protected));
  assertEquals(header, { alg: "HS256", kid: "kid-1", url: `${BASE}/new-account` });
});

Deno.test("register() sends nothing where the external key cannot be read", async () => {
  const { ca, authority } = bench({});
  const externalAccount = { kid: "kid-1", hmacKey: "not!a!key" };
  const request = { contact: [], termsOfServiceAgreed: true, externalAccount };
  await assertRejects(() => authority.register(key, request, call), InputError, "ACME_EAB_HMAC_KEY");
  assertEquals(ca.lines(), ["GET /directory"]);
});

Deno.test("register() needs a Location", async () => {
  const { authority } = bench({ "POST /new-account": reply(201, {}) });
  const request = { contact: [], termsOfServiceAgreed: true };
  const error = await assertRejects(() => authority.register(key, request, call), SidecarError, "Location");
  assertEquals(error.code, "CA_ANSWER");
});

Deno.test("find() asks only for what exists", async () => {
  const { ca, authority } = bench({
    "POST /new-account": [reply(200, {}, here), problem(400, "accountDoesNotExist"), problem(429, "rateLimited")],
  });
  assertEquals(await authority.find(key, call), url("/acct/1"));
  assertEquals(ca.seen.at(-1)?.payload, '{"onlyReturnExisting":true}');
  assertEquals(await authority.find(key, call), undefined);
  await assertRejects(() => authority.find(key, call), AcmeProblemError, "rateLimited");
});

// --- What an account can ask for ---------------------------------------------------------------------------------------

Deno.test("newOrder() sends names, profile and what it replaces, and keeps the Location", async () => {
  const { ca, account } = bench({ "POST /new-order": created });
  const order = await account.newOrder({ names: [www], profile: "shortlived", replaces: "aYhba4.AIdlQ" }, call);
  assertEquals(order.url, url("/order/1"));
  assertEquals(JSON.parse(ca.seen.at(-1)?.payload ?? ""), {
    identifiers: [{ type: "dns", value: "www.example.org" }],
    profile: "shortlived",
    replaces: "aYhba4.AIdlQ",
  });
  assertEquals(ca.seen.at(-1)?.protected["kid"], `${BASE}/acct/1`);
  assertEquals(ca.seen.at(-1)?.protected["jwk"], undefined);
});

for (
  const [why, answer] of [
    ["without a Location", reply(201, ORDER)],
    ["for another name", reply(201, { ...ORDER, identifiers: [{ type: "dns", value: "b.example.org" }] }, here)],
    [
      "for an address too",
      reply(201, {
        ...ORDER,
        identifiers: [...ORDER.identifiers, { type: "ip", value: "192.0.2.1" }],
      }, here),
    ],
  ] as const
) {
  Deno.test(`newOrder() refuses an order ${why}`, async () => {
    const { account } = bench({ "POST /new-order": answer });
    const error = await assertRejects(() => account.newOrder({ names: [www] }, call), SidecarError);
    assertEquals(error.code, "CA_ANSWER");
  });
}

Deno.test("reads send the empty payload, respond() sends {}, finalize() the CSR", async () => {
  const { ca, account } = bench({
    "POST /order/1": reply(200, ORDER),
    "POST /authz/1": reply(200, AUTHORIZATION),
    "POST /chall/1": reply(200, AUTHORIZATION.challenges[0]),
    "POST /order/1/finalize": reply(200, { ...ORDER, status: "processing" }, { "retry-after": "3" }),
  });
  await account.order(url("/order/1"), call);
  await account.authorization(url("/authz/1"), call);
  await account.respond(url("/chall/1"), call);
  const finalized = await account.finalize(pending, Uint8Array.of(0xfb, 0xff, 0), call);
  assertEquals(ca.seen.slice(2).map((it) => it.payload), ["", "", "{}", '{"csr":"-_8A"}']);
  assertEquals([finalized.url, finalized.status, finalized.pollAfterMs], [pending.url, "processing", 3_000]);
});

Deno.test("certificate() asks for a chain and takes more than a document's size", async () => {
  const pem = "x".repeat(100_000);
  const chain = reply(200, pem, {
    "content-type": "application/pem-certificate-chain",
    link: `<${BASE}/cert/1/1>;rel="alternate"`,
  });
  const { ca, account } = bench({ "POST /cert/1": chain });
  assertEquals(await account.certificate(url("/cert/1"), call), { pem, alternates: [url("/cert/1/1")] });
  assertEquals(ca.seen.at(-1)?.headers.get("accept"), "application/pem-certificate-chain");
});

Deno.test("revoke() takes alreadyRevoked for done, and no other refusal", async () => {
  const { ca, account } = bench({
    "POST /revoke-cert": [reply(200), problem(400, "alreadyRevoked"), problem(403, "unauthorized")],
  });
  await account.revoke(Uint8Array.of(0xfb, 0xff), 4, call);
  assertEquals(ca.seen.at(-1)?.payload, '{"certificate":"-_8","reason":4}');
  await account.revoke(Uint8Array.of(1), 4, call);
  await assertRejects(() => account.revoke(Uint8Array.of(1), 4, call), AcmeProblemError, "unauthorized");
});

async function listed(account: AuthorityAccount): Promise<readonly string[]> {
  const found = [];
  for await (const order of account.orders(call)) found.push(order.pathname);
  return found;
}

Deno.test("orders() reads page after page, and stops where they go round", async () => {
  const { account } = bench({
    "POST /acct/1": reply(200, { status: "valid", orders: `${BASE}/orders` }),
    "POST /orders": reply(200, { orders: ["/order/1", "/order/2"] }, { link: '</orders?2>;rel="next"' }),
    "POST /orders?2": reply(200, { orders: ["/order/3"] }, { link: '</orders>;rel="next"' }),
  });
  assertEquals(await listed(account), ["/order/1", "/order/2", "/order/3"]);
});

Deno.test("orders() ends after a hundred pages", async () => {
  let pages = 0;
  const { account, ca } = bench({
    "POST /acct/1": reply(200, { orders: `${BASE}/orders` }),
    "POST /orders": (seen, signal) =>
      reply(200, { orders: [] }, { link: `</orders/${++pages}>;rel="next"` })(seen, signal),
    ...Object.fromEntries(
      Array.from({ length: 120 }, (_, i) => [
        `POST /orders/${i + 1}`,
        reply(200, { orders: [] }, { link: `</orders/${i + 2}>;rel="next"` }),
      ]),
    ),
  });
  assertEquals(await listed(account), []);
  assertEquals(ca.lines().filter((line) => line.startsWith("POST /orders")).length, 100);
});

for (
  const [why, table] of [
    ["names no list", { "POST /acct/1": reply(200, { status: "valid" }) }],
    ["names a list that is not there", {
      "POST /acct/1": reply(200, { orders: `${BASE}/orders` }),
      "POST /orders": problem(404, "malformed"),
    }],
  ] as const
) {
  Deno.test(`orders() is empty where the CA ${why}`, async () => {
    assertEquals(await listed(bench(table).account), []);
  });
}
