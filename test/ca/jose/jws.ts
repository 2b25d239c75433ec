import { flattenedVerify } from "jose";
import { isObject, type JsonObject, parseObject, textField } from "../fields.ts";
import { Problem } from "../problem.ts";
import { fromBase64Url } from "./base64url.ts";
import type { PublicKey } from "./public_key.ts";

/** A JWS in flattened JSON form (RFC 7515 §7.2.2), nothing of it believed yet. */
export interface Jws {
  readonly header: JsonObject;
  /** As text; the empty string for POST-as-GET (RFC 8555 §6.3). */
  readonly payload: string;
  readonly flattened: { readonly protected: string; readonly payload: string; readonly signature: string };
}

/** Algorithms of requests; what is told in `algorithms` of badSignatureAlgorithm (RFC 8555 §6.2). */
export const ALGORITHMS = ["ES256", "ES384", "RS256"] as const;

const PARTS = ["protected", "payload", "signature"];

/**
 * Reads the form, byte by byte: the three members and no others, each base64url without padding.
 *
 * @throws {Problem} malformed.
 */
export function readJws(value: unknown): Jws {
  if (!isObject(value)) throw new Problem("malformed", "Parse error reading JWS");
  for (const name of Object.keys(value).filter((it) => !PARTS.includes(it))) {
    throw new Problem("malformed", `JWS "${name}" field not allowed. All headers must be in "protected" field`);
  }
  const [header, payload, signature] = PARTS.map((name) => decoded(value, name)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  if (signature.length === 0) throw new Problem("malformed", "POST JWS not signed");
  return {
    header: parseObject(utf8(header, "JWS header"), "JWS header"),
    payload: utf8(payload, "JWS payload"),
    flattened: {
      protected: textField(value, "protected"),
      payload: textField(value, "payload"),
      signature: textField(value, "signature"),
    },
  };
}

/**
 * Checks the signature with the key, and that the algorithm is the key's.
 *
 * @throws {Problem} badSignatureAlgorithm or malformed.
 */
export async function verifyJws(jws: Jws, { alg, key }: PublicKey): Promise<void> {
  checkAlgorithm(jws);
  if (jws.header.alg !== alg) {
    throw new Problem("malformed", `JWS is signed by ${jws.header.alg}, its key is for ${alg}`);
  }
  try {
    await flattenedVerify({ ...jws.flattened }, key, { algorithms: [alg] });
  } catch {
    throw new Problem("malformed", "JWS verification error");
  }
}

/** RFC 8555 §6.2: neither `none` nor a MAC, and nothing that has to be understood and is not. */
function checkAlgorithm({ header }: Jws): void {
  if (!(ALGORITHMS as readonly unknown[]).includes(header.alg)) {
    const text = `JWS signature header contains unsupported algorithm "${header.alg}"`;
    throw new Problem("badSignatureAlgorithm", text, { algorithms: ALGORITHMS });
  }
  if ("crit" in header || "b64" in header) throw new Problem("malformed", "JWS header has extensions");
}

function decoded(value: JsonObject, name: string): Uint8Array {
  const bytes = fromBase64Url(textField(value, name));
  if (bytes === undefined) throw new Problem("malformed", `JWS "${name}" is not base64url without padding`);
  return bytes;
}

function utf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Problem("malformed", `${what} is not UTF-8`);
  }
}
