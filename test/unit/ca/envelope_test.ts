import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { startAuthority } from "../../ca/mod.ts";
import { type Alg, base64url, type ByHand, byHand, jwkOf, MAKE_KEY, type Odd, signed } from "../../support/by_hand.ts";

const NAMES = { identifiers: [{ type: "dns", value: "www.example.com" }] };

for (const alg of Object.keys(MAKE_KEY) as Alg[]) {
  Deno.test(`the authority believes a signature by ${alg}`, async () => {
    await using authority = await startAuthority();
    const client = await byHand(authority.directory, { alg });
    assertEquals((await client.register()).status, 201);
    assertEquals((await client.post(client.directory.newOrder!, NAMES)).status, 201);
  });
}

/** What is done to a newOrder, and the answer. */
const VIOLATIONS: readonly (readonly [string, Odd, number, string])[] = [
  ["application/json", { contentType: "application/json" }, 415, "malformed"],
  ["a media type with a parameter", { contentType: "application/jose+json; charset=utf-8" }, 415, "malformed"],
  ["a body that is not JSON", { body: () => "{" }, 400, "malformed"],
  ["an unprotected header", { body: (it) => ({ ...it, header: {} }) }, 400, "malformed"],
  ["several signatures", { body: (it) => ({ ...it, signatures: [] }) }, 400, "malformed"],
  ["a body beyond all measure", { body: (it) => ({ ...it, payload: "A".repeat(132_000) }) }, 413, "malformed"],
  ["no payload", { body: ({ payload: _, ...it }) => it }, 400, "malformed"],
  ["padding", { body: (it) => ({ ...it, signature: `${it.signature}==` }) }, 400, "malformed"],
  ["standard base64", { body: (it) => ({ ...it, payload: "+/8" }) }, 400, "malformed"],
  ["an empty signature", { body: (it) => ({ ...it, signature: "" }) }, 400, "malformed"],
  ["another payload", { body: (it) => ({ ...it, payload: base64url("{}") }) }, 400, "malformed"],
  ["somebody else's signature", { key: MAKE_KEY.ES256() }, 400, "malformed"],
  ["alg none", { header: (it) => ({ ...it, alg: "none" }) }, 400, "badSignatureAlgorithm"],
  ["a MAC", { header: (it) => ({ ...it, alg: "HS256" }) }, 400, "badSignatureAlgorithm"],
  ["another key's algorithm", { header: (it) => ({ ...it, alg: "ES384" }) }, 400, "malformed"],
  ["crit", { header: (it) => ({ ...it, crit: ["b64"], b64: true }) }, 400, "malformed"],
  ["jwk and kid", { header: (it) => ({ ...it, jwk: jwkOf(MAKE_KEY.ES256()) }) }, 400, "malformed"],
  ["neither jwk nor kid", { header: ({ kid: _, ...it }) => it }, 400, "malformed"],
  [
    "a kid elsewhere",
    { header: (it) => ({ ...it, kid: `https://other.test${new URL(String(it.kid)).pathname}` }) },
    400,
    "malformed",
  ],
  ["an unknown account", { header: (it) => ({ ...it, kid: `${it.kid}0` }) }, 400, "accountDoesNotExist"],
  ["no nonce", { header: ({ nonce: _, ...it }) => it }, 400, "badNonce"],
  ["an unknown nonce", { header: (it) => ({ ...it, nonce: "AAAAAAAAAAAAAAAAAAAAAA" }) }, 400, "badNonce"],
  ["a nonce that is not base64url", { header: (it) => ({ ...it, nonce: "a+b/" }) }, 400, "malformed"],
  ["no url", { header: ({ url: _, ...it }) => it }, 400, "malformed"],
  ["another url", { header: (it) => ({ ...it, url: `${it.url}/` }) }, 403, "unauthorized"],
  [
    "a url that differs in case",
    { header: (it) => ({ ...it, url: String(it.url).replace("http", "HTTP") }) },
    403,
    "unauthorized",
  ],
  ["a nonce outside of the JWS", { headers: { "replay-nonce": "AAAA" } }, 400, "malformed"],
];

for (const [what, odd, status, problem] of VIOLATIONS) {
  Deno.test(`the authority refuses ${what}`, async () => {
    await using authority = await startAuthority();
    const client = await byHand(authority.directory);
    await client.register();
    const reply = await client.post(client.directory.newOrder!, NAMES, odd);
    assertEquals([reply.status, reply.problem], [status, problem], reply.text);
    assertEquals(reply.headers.get("content-type"), "application/problem+json");
    assertMatch(reply.headers.get("replay-nonce") ?? "", /^[A-Za-z0-9_-]{22}$/);
    assertEquals(reply.headers.get("cache-control"), "no-store");
    assertEquals(authority.counters.orders, 0);
    assertEquals(authority.log.at(-1)?.problem, problem);
  });
}

Deno.test("the authority takes a nonce once", async () => {
  await using authority = await startAuthority();
  const client = await byHand(authority.directory);
  await client.register();
  const nonce = await client.nonce();
  const again: Odd = { header: (it) => ({ ...it, nonce }) };
  assertEquals((await client.post(client.account, undefined, again)).status, 200);
  const reply = await client.post(client.account, undefined, again);
  assertEquals([reply.status, reply.problem], [400, "badNonce"]);
  const repeated: Odd = { header: (it) => ({ ...it, nonce: reply.headers.get("replay-nonce") }) };
  assertEquals((await client.post(client.account, undefined, repeated)).status, 200, "the error brought a good one");
});

Deno.test("the authority forgets a nonce after its lifetime", async () => {
  let now = Date.parse("2026-11-23T12:00:00Z");
  await using authority = await startAuthority({ now: () => new Date(now), nonceLifetimeMs: 1000 });
  const client = await byHand(authority.directory);
  const nonce = await client.nonce();
  now += 1000;
  const reply = await client.register(undefined, { header: (it) => ({ ...it, nonce }) });
  assertEquals(reply.problem, "badNonce");
});

Deno.test("the authority refuses a share of good nonces, by its seed", async () => {
  const course = async (): Promise<string> => {
    await using authority = await startAuthority({ nonceReject: 0.5, seed: "nonces" });
    const client = await byHand(authority.directory);
    let statuses = "";
    for (let i = 0; i < 12; i++) statuses += `${(await client.post(client.directory.newAccount!, {})).problem} `;
    return statuses;
  };
  const first = await course();
  assertStringIncludes(first, "badNonce");
  assertStringIncludes(first, "userActionRequired");
  assertEquals(await course(), first);
});

Deno.test("the authority wants a jwk for newAccount", async () => {
  await using authority = await startAuthority();
  const client = await byHand(authority.directory);
  await client.register();
  assertEquals((await client.post(client.directory.newAccount!, {})).json.detail, "No embedded JWK in JWS header");
});

/** A key whose x begins with a zero: written as a number it loses one octet. */
function keyWithZero(): Record<string, string> {
  for (;;) {
    const jwk = jwkOf(MAKE_KEY.ES256());
    const x = Buffer.from(jwk.x!, "base64url");
    if (x[0] === 0) return { ...jwk, x: base64url(x.subarray(1)) };
  }
}

/** What is done to the jwk of a newAccount, the problem and a part of its text. */
const KEYS: readonly (readonly [string, (client: ByHand) => unknown, string, string])[] = [
  ["a private key", ({ key }) => key.export({ format: "jwk" }), "malformed", "private key"],
  ["a key without y", ({ key }) => ({ ...jwkOf(key), y: undefined }), "malformed", '"y" is missing'],
  ["a coordinate without its first zero", keyWithZero, "malformed", '"x" has 31 octets, not 32'],
  ["a padded coordinate", ({ key }) => ({ ...jwkOf(key), x: `${jwkOf(key).x}=` }), "malformed", "not base64url"],
  ["a point that is not on the curve", ({ key }) => ({ ...jwkOf(key), x: "A".repeat(43) }), "malformed", "Invalid JWK"],
  ["the wrong alg", ({ key }) => ({ ...jwkOf(key), alg: "RS256" }), "malformed", '"RS256" on JWK'],
  ["an unknown curve", ({ key }) => ({ ...jwkOf(key), crv: "secp256k1" }), "badPublicKey", "secp256k1"],
  ["an octet key", () => ({ kty: "oct", k: "AAAA" }), "malformed", "private key"],
  ["Ed25519", () => ({ kty: "OKP", crv: "Ed25519", x: "A".repeat(43) }), "badPublicKey", "OKP"],
  ["text", () => "key", "malformed", "Invalid JWK"],
];

for (const [what, jwk, problem, detail] of KEYS) {
  Deno.test(`the authority refuses ${what} as jwk`, async () => {
    await using authority = await startAuthority();
    const client = await byHand(authority.directory);
    const reply = await client.register(undefined, { header: (it) => ({ ...it, jwk: jwk(client) }) });
    assertEquals([reply.status, reply.problem], [400, problem], reply.text);
    assertStringIncludes(reply.json.detail, detail);
  });
}

Deno.test("the authority compares the URL byte for byte, query included", async () => {
  await using authority = await startAuthority({ ordersPerPage: 1 });
  const client = await byHand(authority.directory);
  const { json: { orders } } = await client.register();
  const at = `${orders}?cursor=0`;
  assertEquals((await client.post(at)).status, 200);
  const without = await client.post(at, undefined, { header: (it) => ({ ...it, url: orders }) });
  assertEquals(without.problem, "unauthorized");
  const { pathname, origin } = new URL(client.account);
  const tidied = signed(client.key, {
    alg: "ES256",
    nonce: await client.nonce(),
    url: client.account,
    kid: client.account,
  }, "");
  const status = await rawPost(origin, `/x/..${pathname}`, JSON.stringify(tidied));
  assertMatch(status, /^HTTP\/1.1 (403|404) /);
});

Deno.test("the authority refuses a request without User-Agent", async () => {
  await using authority = await startAuthority();
  assertMatch(
    await rawPost(authority.directory.origin, "/new-nonce", ""),
    /^HTTP\/1.1 400 [^]*User-Agent header is required/,
  );
});

for (const resource of ["newAccount", "newOrder", "revokeCert", "keyChange"]) {
  Deno.test(`the authority answers GET of ${resource} with 405`, async () => {
    await using authority = await startAuthority();
    const client = await byHand(authority.directory);
    const response = await fetch(client.directory[resource]!);
    assertEquals([response.status, response.headers.get("allow")], [405, "POST"]);
    await response.body?.cancel();
  });
}

/** Sends the target as it is and no User-Agent; reads until the end. */
async function rawPost(origin: string, target: string, body: string): Promise<string> {
  const { hostname, port } = new URL(origin);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const agent = target === "/new-nonce" ? "" : "User-Agent: test\r\n";
  const head =
    `POST ${target} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n${agent}Content-Type: application/jose+json\r\n` +
    `Connection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
  await connection.write(new TextEncoder().encode(head + body));
  let text = "";
  for await (const part of connection.readable.pipeThrough(new TextDecoderStream())) text += part;
  return text;
}
