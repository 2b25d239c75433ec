import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createPublicKey, verify } from "node:crypto";
import { acmeAuthority } from "../../../src/acme/authority.ts";
import { AcmeProblemError, KeyTakenError, SidecarError } from "../../../src/model/errors.ts";
import { makeAccountKey } from "../../support/account_key.ts";
import { BASE, DIRECTORY, problem, type Reply, reply, type RoutedCa, routes } from "../../support/acme_routes.ts";
import { fakeClock } from "../../support/fake_clock.ts";
import { CALL } from "../../support/fakes.ts";

const key = await makeAccountKey();
const newKey = await makeAccountKey("ES384");
const ACCOUNT = new URL(`${BASE}/acct/1`);
const VALID = { status: "valid", contact: ["mailto:a@example.org"], orders: `${BASE}/acct/1/orders` };

function bench(
  table: Readonly<Record<string, Reply>>,
): { ca: RoutedCa; authority: ReturnType<typeof acmeAuthority>; account: ReturnType<typeof authority.as> } {
  const ca = routes(table);
  const authority = acmeAuthority({
    directory: new URL(`${BASE}/directory`),
    fetch: ca.fetch,
    clock: fakeClock(),
    userAgent: "kontena-certificates/0.1",
    deadline: () => new AbortController().signal,
  });
  return { ca, authority, account: authority.as(ACCOUNT, key) };
}

Deno.test("read() is a POST-as-GET of the account's own URL", async () => {
  const { ca, account } = bench({ "POST /acct/1": reply(200, VALID) });
  assertEquals(await account.read(CALL), { status: "valid", contact: VALID.contact });
  assertEquals([ca.seen.at(-1)?.payload, ca.seen.at(-1)?.protected["kid"]], ["", ACCOUNT.href]);
});

for (
  const [why, answer, status] of [
    ["refuses by unauthorized", problem(401, "unauthorized"), "deactivated"],
    ["shows it so", reply(200, { status: "deactivated" }), "deactivated"],
    ["shows it as revoked", reply(200, { status: "revoked", contact: [] }), "revoked"],
  ] as const
) {
  Deno.test(`read() tells of an account that can do nothing any more, where the CA ${why}`, async () => {
    const { account } = bench({ "POST /acct/1": answer });
    assertEquals(await account.read(CALL), { status, contact: [] });
  });
}

Deno.test("read() does not take a wrong signature or an unknown account for a deactivation", async () => {
  for (const type of ["malformed", "accountDoesNotExist", "rateLimited"]) {
    const { account } = bench({ "POST /acct/1": problem(400, type) });
    await assertRejects(() => account.read(CALL), AcmeProblemError, type);
  }
});

Deno.test("update() sends the contacts and nothing else", async () => {
  const { ca, account } = bench({ "POST /acct/1": reply(200, { ...VALID, contact: ["mailto:b@example.org"] }) });
  assertEquals((await account.update({ contact: ["mailto:b@example.org"] }, CALL)).contact, ["mailto:b@example.org"]);
  assertEquals(ca.seen.at(-1)?.payload, '{"contact":["mailto:b@example.org"]}');
});

Deno.test("deactivate() sends the status, and wants to see it", async () => {
  const good = bench({ "POST /acct/1": reply(200, { status: "deactivated" }) });
  await good.account.deactivate(CALL);
  assertEquals(good.ca.seen.at(-1)?.payload, '{"status":"deactivated"}');

  const deaf = bench({ "POST /acct/1": reply(200, VALID) });
  const error = await assertRejects(() => deaf.account.deactivate(CALL), SidecarError, "the CA left it valid");
  assertEquals(error.code, "CA_ANSWER");
});

Deno.test("changeKey() wraps what the new key signs into what the old key signs (RFC 8555 §7.3.5)", async () => {
  const { ca, account } = bench({ "POST /key-change": reply(200, VALID) });
  await account.changeKey(newKey, CALL);

  const { protected: outer, payload } = ca.seen.at(-1)!;
  assertEquals([outer["kid"], outer["url"], "jwk" in outer], [ACCOUNT.href, `${BASE}/key-change`, false]);
  const inner = JSON.parse(payload) as Record<"protected" | "payload" | "signature", string>;
  assertEquals(Object.keys(inner).sort(), ["payload", "protected", "signature"]);
  assertEquals(JSON.parse(decode(inner.protected)), {
    alg: "ES384",
    jwk: newKey.publicJwk,
    url: `${BASE}/key-change`,
  });
  assertEquals(JSON.parse(decode(inner.payload)), { account: ACCOUNT.href, oldKey: key.publicJwk });
  const signature = Uint8Array.fromBase64(inner.signature, { alphabet: "base64url" });
  const by = createPublicKey({ key: { ...newKey.publicJwk }, format: "jwk" });
  const signed = new TextEncoder().encode(`${inner.protected}.${inner.payload}`);
  assertEquals(verify("sha384", signed, { key: by, dsaEncoding: "ieee-p1363" }, signature), true);
});

Deno.test("changeKey() says whose the new key is, where it has an account already", async () => {
  const { account } = bench({ "POST /key-change": problem(409, "malformed", {}, { location: `${BASE}/acct/7` }) });
  const error = await assertRejects(() => account.changeKey(newKey, CALL), KeyTakenError, `${BASE}/acct/7`);
  assertEquals(error.account, new URL(`${BASE}/acct/7`));

  const nameless = bench({ "POST /key-change": problem(409, "malformed") });
  await assertRejects(() => nameless.account.changeKey(newKey, CALL), KeyTakenError, "belongs to another account");
});

Deno.test("changeKey() says that a CA without keyChange cannot do it, and asks it nothing", async () => {
  const { keyChange: _, ...directory } = DIRECTORY;
  const { ca, account } = bench({ "GET /directory": reply(200, directory) });
  await assertRejects(() => account.changeKey(newKey, CALL), SidecarError, "the CA's directory has no keyChange");
  assertEquals(ca.lines(), ["GET /directory"]);
});

for (
  const [how, answer] of [
    ["refuses it", problem(403, "unauthorized")],
    ["shows it as if it were there", reply(200, { status: "deactivated" }, { location: ACCOUNT.href })],
  ] as const
) {
  Deno.test(`find() does not take a deactivated account for one that can be used, where the CA ${how}`, async () => {
    const { authority } = bench({ "POST /new-account": answer });
    const error = await assertRejects(() => authority.find(key, CALL), SidecarError);
    assertEquals(error.code, "ACCOUNT_DEACTIVATED");
    assertStringIncludes(error.message, "deactivated at ca.example");
  });
}

function decode(text: string): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(text, { alphabet: "base64url" }));
}
