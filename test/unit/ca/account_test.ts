import { createHmac } from "node:crypto";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { startAuthority } from "../../ca/mod.ts";
import { base64url, type ByHand, byHand, jwkOf, MAKE_KEY, signed } from "../../support/by_hand.ts";

const AGREED = { termsOfServiceAgreed: true };

Deno.test("newAccount makes an account once, and finds it afterwards", async () => {
  await using authority = await startAuthority();
  const client = await byHand(authority.directory);
  const { newAccount } = client.directory;
  const unknown = await client.post(newAccount!, { onlyReturnExisting: true });
  assertEquals([unknown.status, unknown.problem], [400, "accountDoesNotExist"]);
  const made = await client.post(newAccount!, { ...AGREED, contact: ["mailto:a@example.org"] });
  assertEquals([made.status, made.json.status, made.json.contact], [201, "valid", ["mailto:a@example.org"]]);
  assertStringIncludes(made.headers.get("link") ?? "", `<${authority.directory}>;rel="index"`);
  for (const payload of [AGREED, { onlyReturnExisting: true }, {}]) {
    const found = await client.post(newAccount!, payload);
    assertEquals([found.status, found.headers.get("location")], [200, made.headers.get("location")]);
  }
  assertEquals(authority.counters.accounts, 1);
});

Deno.test("newAccount wants the terms agreed to", async () => {
  await using authority = await startAuthority();
  const reply = await (await byHand(authority.directory)).register({ contact: [] });
  assertEquals([reply.status, reply.problem], [403, "userActionRequired"]);
  assertStringIncludes(reply.headers.get("link") ?? "", 'rel="terms-of-service"');
});

/** A contact, and why it is refused. */
const CONTACTS: readonly (readonly [unknown, string])[] = [
  [["tel:+1"], "unsupportedContact"],
  [["mailto:a@example.org?subject=x"], "invalidContact"],
  [["mailto:a#b@example.org"], "invalidContact"],
  [["mailto:a@example.org,b@example.org"], "invalidContact"],
  [["mailto:a"], "invalidContact"],
  [["mailto:a@b@example.org"], "invalidContact"],
  [["mailto:ä@example.org"], "invalidContact"],
  [["mailto:a@localhost"], "invalidContact"],
  [[""], "invalidContact"],
  [["mailto:a@example.org", "mailto:b@example.org", "mailto:c@example.org"], "malformed"],
  ["mailto:a@example.org", "malformed"],
];

for (const [contact, problem] of CONTACTS) {
  Deno.test(`newAccount refuses the contact ${JSON.stringify(contact)}`, async () => {
    await using authority = await startAuthority();
    const reply = await (await byHand(authority.directory)).register({ ...AGREED, contact });
    assertEquals([reply.status, reply.problem], [400, problem], reply.text);
  });
}

Deno.test("an account is read, updated and deactivated", async () => {
  await using authority = await startAuthority({ challenges: ["http-01"] });
  const client = await byHand(authority.directory);
  await client.register();
  const updated = await client.post(client.account, { contact: ["mailto:b@example.org"], unknown: 1 });
  assertEquals([updated.status, updated.json.contact], [200, ["mailto:b@example.org"]]);
  assertEquals((await client.post(client.account)).json.contact, ["mailto:b@example.org"]);
  assertEquals((await client.post(client.account, { contact: ["tel:1"] })).problem, "unsupportedContact");
  assertEquals((await client.post(client.account, { status: "revoked" })).problem, "malformed");
  assertEquals((await client.post(client.account, { status: "deactivated" })).json.status, "deactivated");
  const refused = await client.post(client.account);
  assertEquals([refused.status, refused.problem], [403, "unauthorized"]);
  const again = await client.register(AGREED, { header: ({ kid: _, ...it }) => ({ ...it, jwk: jwkOf(client.key) }) });
  assertEquals([again.status, again.problem], [403, "unauthorized"]);
});

Deno.test("an account is nobody else's to see", async () => {
  await using authority = await startAuthority();
  const [one, other] = [await byHand(authority.directory), await byHand(authority.directory)];
  await one.register();
  await other.register();
  assertEquals((await other.post(one.account)).problem, "unauthorized");
});

// --- Key rollover, RFC 8555 §7.3.5 -----------------------------------------------------------------------------------

type Inner = { header: Record<string, unknown>; payload: Record<string, unknown> };

const NEW_KEY = MAKE_KEY.ES384();

function rollover(client: ByHand, change: (right: Inner) => Inner = (it) => it): Record<string, string> {
  const { keyChange } = client.directory;
  const { header, payload } = change({
    header: { alg: "ES384", jwk: jwkOf(NEW_KEY), url: keyChange },
    payload: { account: client.account, oldKey: jwkOf(client.key) },
  });
  return signed(NEW_KEY, header, JSON.stringify(payload));
}

Deno.test("keyChange puts the new key in place of the old one", async () => {
  await using authority = await startAuthority();
  const client = await byHand(authority.directory);
  await client.register();
  assertEquals((await client.post(client.directory.keyChange!, rollover(client))).status, 200);
  assertEquals((await client.post(client.account)).problem, "malformed", "the old key signs no more");
  const byNew = { key: NEW_KEY, header: (it: Record<string, unknown>) => ({ ...it, alg: "ES384" }) };
  assertEquals((await client.post(client.account, undefined, byNew)).status, 200);
});

/** What is wrong with the inner JWS. */
const INNER: readonly (readonly [string, (right: Inner) => Inner])[] = [
  ["with a nonce", (it) => ({ ...it, header: { ...it.header, nonce: "AAAA" } })],
  ["for another url", (it) => ({ ...it, header: { ...it.header, url: "https://other.test/" } })],
  ["with a kid", (it) => ({ ...it, header: { ...it.header, kid: "x" } })],
  ["by another key than it says", (it) => ({ ...it, header: { ...it.header, jwk: jwkOf(MAKE_KEY.ES384()) } })],
  ["for another account", (it) => ({ ...it, payload: { ...it.payload, account: `${it.payload.account}0` } })],
  ["with another old key", (it) => ({ ...it, payload: { ...it.payload, oldKey: jwkOf(NEW_KEY) } })],
];

for (const [what, change] of INNER) {
  Deno.test(`keyChange refuses an inner JWS ${what}`, async () => {
    await using authority = await startAuthority();
    const client = await byHand(authority.directory);
    await client.register();
    const reply = await client.post(client.directory.keyChange!, rollover(client, change));
    assertEquals([reply.status, reply.problem], [400, "malformed"], reply.text);
    assertEquals((await client.post(client.account)).status, 200, "the old key still signs");
  });
}

Deno.test("keyChange answers 409 with the account that has the key", async () => {
  await using authority = await startAuthority();
  const [client, other] = [await byHand(authority.directory), await byHand(authority.directory)];
  await client.register();
  await other.register();
  const { keyChange } = client.directory;
  const inner = signed(
    other.key,
    { alg: "ES256", jwk: jwkOf(other.key), url: keyChange },
    JSON.stringify({ account: client.account, oldKey: jwkOf(client.key) }),
  );
  const reply = await client.post(keyChange!, inner);
  assertEquals([reply.status, reply.headers.get("location")], [409, other.account]);
});

// --- External account binding, RFC 8555 §7.3.4 -----------------------------------------------------------------------

const MAC = Buffer.from("an HMAC key of some thirty-two bytes");
const KEYS = { "kid-1": MAC.toString("base64url") };

type Binding = { header: Record<string, unknown>; payload: unknown; mac: Buffer };

function bind(client: ByHand, change: (right: Binding) => Binding = (it) => it): Record<string, string> {
  const { header, payload, mac } = change({
    header: { alg: "HS256", kid: "kid-1", url: client.directory.newAccount },
    payload: jwkOf(client.key),
    mac: MAC,
  });
  const parts = { protected: base64url(JSON.stringify(header)), payload: base64url(JSON.stringify(payload)) };
  const signature = createHmac("sha256", mac).update(`${parts.protected}.${parts.payload}`).digest("base64url");
  return { ...parts, signature };
}

Deno.test("newAccount takes an external account binding, once where told", async () => {
  await using authority = await startAuthority({ externalAccounts: KEYS, externalAccountOnce: true });
  const [client, second] = [await byHand(authority.directory), await byHand(authority.directory)];
  const without = await client.register();
  assertEquals([without.status, without.problem], [403, "externalAccountRequired"]);
  const externalAccountBinding = bind(client);
  assertEquals((await client.register({ ...AGREED, externalAccountBinding })).status, 201);
  assertEquals((await client.post(client.account)).json.externalAccountBinding, externalAccountBinding);
  const used = await second.register({ ...AGREED, externalAccountBinding: bind(second) });
  assertEquals([used.status, used.problem], [403, "unauthorized"]);
});

/** What is wrong with a binding. */
const BINDINGS: readonly (readonly [string, (right: Binding) => Binding, string])[] = [
  ["by another MAC key", (it) => ({ ...it, mac: Buffer.from("wrong") }), "unauthorized"],
  ["of an unknown kid", (it) => ({ ...it, header: { ...it.header, kid: "kid-2" } }), "unauthorized"],
  ["of a kid that every object has", (it) => ({ ...it, header: { ...it.header, kid: "toString" } }), "unauthorized"],
  ["with a nonce", (it) => ({ ...it, header: { ...it.header, nonce: "AAAA" } }), "malformed"],
  ["for another url", (it) => ({ ...it, header: { ...it.header, url: "https://other.test/" } }), "malformed"],
  ["of another key", (it) => ({ ...it, payload: jwkOf(NEW_KEY) }), "malformed"],
  ["by HS512", (it) => ({ ...it, header: { ...it.header, alg: "HS512" } }), "badSignatureAlgorithm"],
];

for (const [what, change, problem] of BINDINGS) {
  Deno.test(`newAccount refuses a binding ${what}`, async () => {
    await using authority = await startAuthority({ externalAccounts: KEYS });
    const client = await byHand(authority.directory);
    const reply = await client.register({ ...AGREED, externalAccountBinding: bind(client, change) });
    assertEquals(reply.problem, problem, reply.text);
    assertEquals(authority.counters.accounts, 0);
  });
}
