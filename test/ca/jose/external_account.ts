import { flattenedVerify } from "jose";
import { parseObject } from "../fields.ts";
import { Problem } from "../problem.ts";
import { fromBase64Url } from "./base64url.ts";
import { readJws } from "./jws.ts";
import { type PublicKey, readPublicKey } from "./public_key.ts";

/**
 * Checks an external account binding (RFC 8555 §7.3.4): HS256, the outer URL, no nonce, the account's key as payload.
 *
 * @param keys MAC keys by kid, base64url.
 * @returns The kid.
 * @throws {Problem} malformed, badSignatureAlgorithm or unauthorized.
 */
export async function checkExternalAccount(
  value: unknown,
  keys: Readonly<Record<string, string>>,
  outer: { readonly url: string; readonly key: PublicKey },
): Promise<string> {
  const jws = readJws(value);
  const { alg, kid, url } = jws.header;
  if (alg !== "HS256") {
    throw new Problem("badSignatureAlgorithm", `External account binding is signed by "${alg}"`, {
      algorithms: ["HS256"],
    });
  }
  if (typeof kid !== "string") throw new Problem("malformed", "External account binding has no kid");
  if ("nonce" in jws.header) throw new Problem("malformed", "External account binding has a nonce");
  if ("jwk" in jws.header) throw new Problem("malformed", "External account binding has a jwk");
  if (url !== outer.url) throw new Problem("malformed", `External account binding is for URL "${url}"`);
  const mac = Object.hasOwn(keys, kid) ? fromBase64Url(keys[kid] ?? "") : undefined;
  if (mac === undefined) throw new Problem("unauthorized", `External account "${kid}" is unknown`);
  try {
    await flattenedVerify({ ...jws.flattened }, mac, { algorithms: ["HS256"] });
  } catch {
    throw new Problem("unauthorized", "External account binding has a wrong MAC");
  }
  const bound = await readPublicKey(parseObject(jws.payload, "external account binding"));
  if (bound.thumbprint !== outer.key.thumbprint) {
    throw new Problem("malformed", "External account binding is for another key than the request's");
  }
  return kid;
}
