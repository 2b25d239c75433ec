import { createPublicKey, type KeyObject } from "node:crypto";
import { calculateJwkThumbprint } from "jose";
import { isObject } from "../fields.ts";
import { Problem } from "../problem.ts";
import { fromBase64Url } from "./base64url.ts";
import { keyFault } from "./key_policy.ts";

/** Signature algorithms that are taken (RFC 7518 §3.1). */
export type Algorithm = "ES256" | "ES384" | "RS256";

/** A key that signs requests. */
export interface PublicKey {
  /** Only the members that RFC 7638 §3.2 names. */
  readonly jwk: Readonly<Record<string, string>>;
  /** The one algorithm that it is used with. */
  readonly alg: Algorithm;
  /** RFC 7638, SHA-256. */
  readonly thumbprint: string;
  /** DER of its SubjectPublicKeyInfo, lower-case hexadecimal: what certificates and blocked keys are compared by. */
  readonly spki: string;
  readonly key: KeyObject;
}

interface Kind {
  readonly alg: Algorithm;
  readonly members: readonly string[];
  /** Octets of a coordinate: leading zeros stay (RFC 7518 §6.2.1.2). */
  readonly size?: number;
}

const KINDS: Readonly<Record<string, Kind>> = {
  "EC P-256": { alg: "ES256", members: ["crv", "kty", "x", "y"], size: 32 },
  "EC P-384": { alg: "ES384", members: ["crv", "kty", "x", "y"], size: 48 },
  RSA: { alg: "RS256", members: ["e", "kty", "n"] },
};
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/**
 * Reads a JWK.
 *
 * @throws {Problem} malformed where it is none, badPublicKey where it is one that is not taken.
 */
export async function readPublicKey(value: unknown): Promise<PublicKey> {
  if (!isObject(value)) throw new Problem("malformed", "Invalid JWK in JWS header");
  if (PRIVATE_MEMBERS.some((name) => name in value)) throw new Problem("malformed", "JWK holds a private key");
  const kind = KINDS[value.kty === "EC" ? `EC ${value.crv}` : String(value.kty)];
  if (kind === undefined) {
    throw new Problem("badPublicKey", `Key of type "${value.kty}" "${value.crv}" is not supported`);
  }
  if (value.alg !== undefined && value.alg !== kind.alg) {
    throw new Problem("malformed", `algorithm "${value.alg}" on JWK is unacceptable`);
  }
  const jwk = Object.fromEntries(kind.members.map((name) => [name, member(value, name, kind)]));
  const key = parse(jwk);
  const fault = keyFault(key);
  if (fault !== undefined) throw new Problem("badPublicKey", fault);
  const spki = key.export({ format: "der", type: "spki" }).toString("hex");
  return { jwk, alg: kind.alg, thumbprint: await calculateJwkThumbprint(jwk), spki, key };
}

function member(value: Readonly<Record<string, unknown>>, name: string, { size }: Kind): string {
  const text = value[name];
  if (typeof text !== "string") throw new Problem("malformed", `JWK member "${name}" is missing`);
  if (name === "kty" || name === "crv") return text;
  const bytes = fromBase64Url(text);
  if (bytes === undefined) throw new Problem("malformed", `JWK member "${name}" is not base64url`);
  if (size !== undefined && bytes.length !== size) {
    throw new Problem("malformed", `JWK member "${name}" has ${bytes.length} octets, not ${size}`);
  }
  return text;
}

function parse(jwk: Readonly<Record<string, string>>): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: "jwk" });
  } catch {
    throw new Problem("malformed", "Invalid JWK in JWS header");
  }
}
