import { type JsonObject, parseObject } from "./fields.ts";
import { fromBase64Url } from "./jose/base64url.ts";
import { type Jws, readJws, verifyJws } from "./jose/jws.ts";
import { type PublicKey, readPublicKey } from "./jose/public_key.ts";
import type { Parts } from "./parts.ts";
import { Problem } from "./problem.ts";
import type { Account } from "./state/types.ts";

/** A POST as it came; `url` has the target byte for byte. */
export interface Post {
  readonly url: string;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** How a resource wants its requests signed (RFC 8555 §6.2). */
export type SignedBy = "jwk" | "kid" | "either";

/** A request that is believed. */
export interface Signed {
  readonly url: string;
  readonly key: PublicKey;
  /** Undefined where the key came with the request. */
  readonly account?: Account;
  /** The empty string for POST-as-GET. */
  readonly payload: string;
}

/**
 * Believes a request or refuses it: media type, form, who signed, signature, nonce, URL, in this order (RFC 8555 §6).
 *
 * @throws {Problem}
 */
export async function openEnvelope(parts: Parts, post: Post, by: SignedBy): Promise<Signed> {
  if (post.contentType !== "application/jose+json") {
    const text = `Invalid Content-Type header on POST. Content-Type must be "application/jose+json"`;
    throw new Problem("malformed", text, { status: 415 });
  }
  const jws = readJws(parseObject(post.body, "JWS"));
  const account = signer(parts, jws, by);
  const key = account?.key ?? await readPublicKey(jws.header.jwk);
  await verifyJws(jws, key);
  redeem(parts, jws);
  checkUrl(jws, post.url);
  if (account !== undefined && account.status !== "valid") {
    throw new Problem("unauthorized", `Account is not valid, has status "${account.status}"`);
  }
  return { url: post.url, key, payload: jws.payload, ...(account === undefined ? {} : { account }) };
}

/** The account that a resource for accounts works for. */
export function accountOf({ account }: Signed): Account {
  if (account === undefined) throw new Problem("malformed", "No Key ID in JWS header");
  return account;
}

/** POST-as-GET (§6.3). */
export function checkEmpty({ payload }: Signed): void {
  if (payload !== "") throw new Problem("malformed", "POST-as-GET requests must have an empty payload");
}

/** A payload that has to be a JSON object; `resource` is of a draft and tells that one was read instead of the RFC. */
export function payloadObject({ payload }: Signed): JsonObject {
  const object = parseObject(payload, "payload");
  if ("resource" in object) throw new Problem("malformed", `"resource" field is not of ACME v2`);
  return object;
}

/** Exactly one of jwk and kid, and the right one; for kid, whose it is. */
function signer(parts: Parts, { header }: Jws, by: SignedBy): Account | undefined {
  const { jwk, kid } = header;
  if (jwk !== undefined && kid !== undefined) {
    throw new Problem("malformed", "jwk and kid header fields are mutually exclusive");
  }
  if (jwk === undefined && kid === undefined) {
    throw new Problem("malformed", `No ${by === "jwk" ? "embedded JWK" : "Key ID"} in JWS header`);
  }
  if (kid === undefined && by === "kid") throw new Problem("malformed", "No Key ID in JWS header");
  if (jwk === undefined && by === "jwk") throw new Problem("malformed", "No embedded JWK in JWS header");
  return kid === undefined ? undefined : accountAt(parts, kid);
}

function accountAt({ store, urls }: Parts, kid: unknown): Account {
  const prefix = urls.account("");
  if (typeof kid !== "string" || !kid.startsWith(prefix)) {
    throw new Problem("malformed", `KeyID header contained an invalid account URL: "${kid}"`);
  }
  const account = store.accounts.get(kid.slice(prefix.length));
  if (account === undefined) throw new Problem("accountDoesNotExist", `Account "${kid}" not found`);
  return account;
}

function redeem({ nonces }: Parts, { header }: Jws): void {
  const { nonce } = header;
  if (nonce === undefined || nonce === "") throw new Problem("badNonce", "JWS has no anti-replay nonce");
  // §6.5.2
  if (typeof nonce !== "string" || fromBase64Url(nonce) === undefined) {
    throw new Problem("malformed", "JWS has a nonce that is not base64url");
  }
  if (!nonces.redeem(nonce)) throw new Problem("badNonce", `JWS has an invalid anti-replay nonce: "${nonce}"`);
}

/** §6.4. */
function checkUrl({ header }: Jws, expected: string): void {
  if (header.url === undefined) throw new Problem("malformed", "JWS header parameter 'url' required");
  if (header.url === expected) return;
  const text = `JWS header parameter 'url' incorrect. Expected "${expected}" got "${header.url}"`;
  throw new Problem("unauthorized", text);
}
