import { assertEquals, assertRejects } from "@std/assert";
import { createHmac, createPublicKey, verify } from "node:crypto";
import { bindExternalAccount, type FlattenedJws, signRequest } from "../../../src/acme/jws.ts";
import { InputError } from "../../../src/model/errors.ts";
import type { AccountKey } from "../../../src/ports.ts";
import { makeAccountKey } from "../../support/account_key.ts";

const url = new URL("https://ca.example/new-order?a=b%20c");
const account = new URL("https://ca.example/acct/1");

function decoded(base64url: string): unknown {
  return JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(base64url, { alphabet: "base64url" })));
}

/** RFC 7515 §5.2 and RFC 7518 §3.4: ECDSA signatures are r and s side by side, not DER. */
function isSignedBy(key: AccountKey, jws: FlattenedJws, hash: string): boolean {
  const input = new TextEncoder().encode(`${jws.protected}.${jws.payload}`);
  const publicKey = createPublicKey({ key: { ...key.publicJwk }, format: "jwk" });
  const signature = Uint8Array.fromBase64(jws.signature, { alphabet: "base64url" });
  return verify(hash, input, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature);
}

for (
  const [alg, hash, bytes] of [["ES256", "sha256", 64], ["ES384", "sha384", 96], ["RS256", "sha256", 256]] as const
) {
  Deno.test(`signRequest() makes a ${alg} signature that node:crypto accepts`, async () => {
    const key = await makeAccountKey(alg);
    const jws = await signRequest({ key, account }, url, "n1", { a: "ü" });
    assertEquals(Object.keys(jws).sort(), ["payload", "protected", "signature"]);
    assertEquals(decoded(jws.protected), { alg, nonce: "n1", url: url.href, kid: account.href });
    assertEquals(decoded(jws.payload), { a: "ü" });
    assertEquals(Uint8Array.fromBase64(jws.signature, { alphabet: "base64url" }).length, bytes);
    assertEquals(isSignedBy(key, jws, hash), true);
    assertEquals(isSignedBy(key, { ...jws, payload: "e30" }, hash), false);
  });
}

Deno.test("signRequest() sends the public key where there is no account", async () => {
  const key = await makeAccountKey();
  const header = decoded((await signRequest({ key }, url, "n1", {})).protected);
  assertEquals(header, { alg: "ES256", nonce: "n1", url: url.href, jwk: key.publicJwk });
});

Deno.test("signRequest() sends the empty text to read, and {} where that is said", async () => {
  const key = await makeAccountKey();
  assertEquals((await signRequest({ key, account }, url, "n1", undefined)).payload, "");
  assertEquals((await signRequest({ key, account }, url, "n1", {})).payload, "e30");
});

const MAC = Uint8Array.from({ length: 32 }, (_, i) => 255 - i * 3); // with - and _ in base64url
for (
  const [hmacKey, why] of [
    [MAC.toBase64({ alphabet: "base64url", omitPadding: true }), "base64url"],
    [MAC.toBase64({ alphabet: "base64url" }), "base64url with padding"],
    [MAC.toBase64(), "standard base64"],
    [` ${MAC.toBase64().replace(/.{20}/g, "$&\n")}\n`, "base64 in lines"],
  ] as const
) {
  Deno.test(`bindExternalAccount() takes a key in ${why}`, async () => {
    const key = await makeAccountKey();
    const jws = await bindExternalAccount(key, { kid: "kid-1", hmacKey }, url);
    assertEquals(decoded(jws.protected), { alg: "HS256", kid: "kid-1", url: url.href }); // no nonce: RFC 8555 §7.3.4
    assertEquals(decoded(jws.payload), key.publicJwk);
    const mac = createHmac("sha256", MAC).update(`${jws.protected}.${jws.payload}`).digest("base64url");
    assertEquals(jws.signature, mac);
  });
}

for (const hmacKey of ["", "   ", "se cret!", "abcde", "pass:word"]) {
  Deno.test(`bindExternalAccount() refuses ${JSON.stringify(hmacKey)} without quoting it`, async () => {
    const bind = async (): Promise<FlattenedJws> =>
      await bindExternalAccount(await makeAccountKey(), { kid: "kid-1", hmacKey }, url);
    const error = await assertRejects(bind, InputError, "ACME_EAB_HMAC_KEY");
    assertEquals(error.field, "ACME_EAB_HMAC_KEY");
    assertEquals(hmacKey.trim() !== "" && `${error.message} ${error.todo}`.includes(hmacKey.trim()), false);
  });
}
