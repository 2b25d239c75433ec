import { assert, assertEquals, assertRejects } from "@std/assert";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { calculateJwkThumbprint, FlattenedSign, flattenedVerify, type JWK } from "jose";
import { accountKeyType } from "../../../src/model/account_key.ts";
import { InputError } from "../../../src/model/errors.ts";
import { generateAccountKey, importAccountKey, jwkThumbprint } from "../../../src/x509/account_key.ts";
import { makeAccountKey } from "../../support/account_key.ts";
import { readableRsaKey } from "../../support/rsa_key.ts";

for (
  const [why, jwk, thumbprint] of [
    ["the RSA key of RFC 7638 §3.1", {
      kty: "RSA",
      n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst" +
        "n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5" +
        "hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDK" +
        "gw",
      e: "AQAB",
    }, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"],
    ["the EC key of RFC 9449 §6.1", {
      kty: "EC",
      x: "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
      y: "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
      crv: "P-256",
    }, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"],
  ] as const
) {
  Deno.test(`jwkThumbprint() hashes ${why}`, () => assertEquals(jwkThumbprint(jwk), thumbprint));
}

const EC = ["crv", "kty", "x", "y"];

for (
  const [alg, type, options, format, members] of [
    ["ES256", "ec", { namedCurve: "P-256" }, "sec1", EC],
    ["ES256", "ec", { namedCurve: "P-256" }, "pkcs8", EC],
    ["ES384", "ec", { namedCurve: "P-384" }, "pkcs8", EC],
    ["RS256", "rsa", { modulusLength: 2048 }, "pkcs1", ["e", "kty", "n"]],
    ["RS256", "rsa", { modulusLength: 2048 }, "pkcs8", ["e", "kty", "n"]],
  ] as const
) {
  Deno.test(`importAccountKey() reads ${format} as ${alg}, and jose agrees`, async () => {
    const { privateKey } = generateKeyPairSync(type as "rsa", options as { modulusLength: number });
    const key = await importAccountKey(String(privateKey.export({ type: format as "pkcs8", format: "pem" })).trim());
    assertEquals(key.alg, alg);
    assertEquals(Object.keys(key.publicJwk).sort(), [...members]);
    assertEquals(
      key.thumbprint,
      await calculateJwkThumbprint(createPublicKey(privateKey).export({ format: "jwk" }) as JWK),
    );
    const jws = await new FlattenedSign(new Uint8Array(3)).setProtectedHeader({ alg }).sign(key.privateKey);
    await flattenedVerify(jws, key.publicJwk as JWK);
    assert(!key.privateKey.extractable);
  });
}

Deno.test("generateAccountKey() makes an ES256 key that its PEM gives back", async () => {
  const { key, pem } = await generateAccountKey();
  assertEquals(key.alg, "ES256");
  assertEquals((await importAccountKey(pem)).publicJwk, key.publicJwk);
  const other = await generateAccountKey();
  assert(other.key.thumbprint !== key.thumbprint);
});

for (
  const [why, text, message] of [
    ["an RSA key of 1024 bits", readableRsaKey(1024), "it is RSA with 1024 bits"],
    ["P-521", ec("P-521"), "it is EC on P-521"],
    ["garbage", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----", "not Base64"],
    [
      "a key cut short",
      ec("P-256").replace(/[^\n]{8}\n-----END/, "\n-----END"),
      "not a key",
    ],
  ] as const
) {
  Deno.test(`importAccountKey() refuses ${why} under the name of its secret`, async () => {
    const error = await assertRejects(() => importAccountKey(text), InputError, message);
    assertEquals(error.field, "LE_PRIVATE_KEY");
    assert(!`${error.message}${error.todo}`.includes("hunter2"));
  });
}

function ec(namedCurve: string): string {
  return String(generateKeyPairSync("ec", { namedCurve }).privateKey.export({ type: "pkcs8", format: "pem" }));
}

for (const [alg, type] of [["ES256", "ec-256"], ["ES384", "ec-384"], ["RS256", "rsa-2048"]] as const) {
  Deno.test(`accountKeyType() calls an ${alg} key ${type}`, async () => {
    assertEquals(accountKeyType(await makeAccountKey(alg)), type);
  });
}
