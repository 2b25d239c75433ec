import defer * as nodeCrypto from "node:crypto";
import { ACCOUNT_KEY } from "../model/secret_name.ts";
import type { AccountKey } from "../model/account_key.ts";
import { generateKey } from "./keys.ts";
import { describeShape, type KeyShape, readPrivateKey, wrongKind } from "./private_key.ts";

/** The members of a public JWK that RFC 7638 §3.2 hashes, in their order. */
const MEMBERS = { EC: ["crv", "kty", "x", "y"], RSA: ["e", "kty", "n"] } as const;

const CURVE_ALG: Readonly<Record<string, AccountKey["alg"]>> = { "P-256": "ES256", "P-384": "ES384" };

/** Makes a new account key (ES256) and its PKCS#8 PEM, which is secret. */
export async function generateAccountKey(): Promise<{ readonly key: AccountKey; readonly pem: string }> {
  const { pem } = await generateKey("ec-256");
  return { key: await importAccountKey(pem), pem };
}

/**
 * Reads an account key: PKCS#8, PKCS#1 (as the original Kontena kept it) or SEC1.
 *
 * @param pem White space around it and the kind of its line ends do not matter.
 * @param field Where the text came from, for the error.
 * @throws {InputError} If it is no private key, or not EC on P-256 or P-384 or RSA of at least 2048 bits.
 */
export async function importAccountKey(pem: string, field: string = ACCOUNT_KEY): Promise<AccountKey> {
  const { shape, der, object } = readPrivateKey(pem, field);
  const alg = algOf(shape);
  if (alg === undefined) {
    throw wrongKind(field, describeShape(shape), "an EC key on P-256 or P-384, or RSA with at least 2048 bits");
  }
  const algorithm = shape.family === "EC"
    ? { name: "ECDSA", namedCurve: shape.curve }
    : { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const publicJwk = required(nodeCrypto.createPublicKey(object).export({ format: "jwk" }), shape.family);
  return {
    alg,
    privateKey: await crypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]),
    publicJwk,
    thumbprint: jwkThumbprint(publicJwk),
  };
}

/**
 * The SHA-256 thumbprint of a public JWK, base64url (RFC 7638 §3).
 *
 * @param publicJwk Only the members that §3.2 requires, in whatever order.
 */
export function jwkThumbprint(publicJwk: Readonly<Record<string, string>>): string {
  const sorted = Object.fromEntries(Object.entries(publicJwk).sort(([a], [b]) => a < b ? -1 : 1));
  return nodeCrypto.createHash("sha256").update(JSON.stringify(sorted)).digest("base64url");
}

function algOf(shape: KeyShape): AccountKey["alg"] | undefined {
  if (shape.family === "EC") return CURVE_ALG[shape.curve];
  return shape.bits >= 2048 ? "RS256" : undefined;
}

function required(jwk: object, family: keyof typeof MEMBERS): Readonly<Record<string, string>> {
  const all = jwk as Readonly<Record<string, unknown>>;
  return Object.fromEntries(MEMBERS[family].map((member) => [member, String(all[member])]));
}
