/**
 * Account keys for tests, made without the product's own code.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { AccountKey } from "../../src/ports.ts";

const KINDS = {
  ES256: { make: { name: "ECDSA", namedCurve: "P-256" }, members: ["crv", "kty", "x", "y"] },
  ES384: { make: { name: "ECDSA", namedCurve: "P-384" }, members: ["crv", "kty", "x", "y"] },
  RS256: {
    make: {
      name: "RSASSA-PKCS1-v1_5",
      hash: "SHA-256",
      modulusLength: 2048,
      publicExponent: Uint8Array.of(1, 0, 1),
    },
    members: ["e", "kty", "n"],
  },
} as const satisfies Record<AccountKey["alg"], unknown>;

/** Makes a new account key. Its public part is as RFC 7638 §3.2 wants it, so it can be hashed as it is. */
export async function makeAccountKey(alg: AccountKey["alg"] = "ES256"): Promise<AccountKey> {
  const { make, members } = KINDS[alg];
  const pair = await crypto.subtle.generateKey(make, true, ["sign", "verify"]) as CryptoKeyPair;
  const jwk = await crypto.subtle.exportKey("jwk", pair.publicKey) as unknown as Record<string, string>;
  const publicJwk = Object.fromEntries(members.map((member) => [member, jwk[member] ?? ""]));
  const thumbprint = createHash("sha256").update(JSON.stringify(publicJwk)).digest("base64url");
  return { alg, privateKey: pair.privateKey, publicJwk, thumbprint };
}
