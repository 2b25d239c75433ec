/**
 * Signed requests (RFC 8555 §6.2): flattened JWS, and the only place that knows jose.
 *
 * @module
 */
import { FlattenedSign } from "jose";
import { InputError } from "../model/errors.ts";
import type { AccountKey, NewAccount } from "../ports.ts";

/** Who signs: an account, or a key that has none yet. */
export interface Signer {
  readonly key: AccountKey;
  /** The account's URL, which the CA knows as `kid`; without it the key itself is sent as `jwk`. */
  readonly account?: URL;
}

/** What is said in a signed request; undefined is the empty payload of POST-as-GET (§6.3). */
export type Payload = Readonly<Record<string, unknown>> | undefined;

/** A flattened JWS (RFC 7515 §7.2.2), exactly its three members. */
export interface FlattenedJws {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

/** Signs one request for one URL with one nonce. */
export async function signRequest(signer: Signer, url: URL, nonce: string, payload: Payload): Promise<FlattenedJws> {
  const { key, account } = signer;
  const who = account === undefined ? { jwk: key.publicJwk } : { kid: account.href };
  return await flattened(key.privateKey, { alg: key.alg, nonce, url: url.href, ...who }, payload);
}

/**
 * Binds an account key to an account that the CA keeps elsewhere (RFC 8555 §7.3.4): an inner JWS without nonce, signed with
 * the key that the CA gave out.
 *
 * @param newAccount The URL of the outer request.
 * @throws {InputError} If the key is not base64url; the key is not quoted.
 */
export async function bindExternalAccount(
  key: AccountKey,
  external: NonNullable<NewAccount["externalAccount"]>,
  newAccount: URL,
): Promise<FlattenedJws> {
  const header = { alg: "HS256", kid: external.kid, url: newAccount.href };
  return await flattened(macKey(external.hmacKey), header, key.publicJwk);
}

/**
 * Says that an account's key shall be another one (RFC 8555 §7.3.5): an inner JWS without nonce, signed with the new key, for
 * an outer one that the old key signs.
 *
 * @param keyChange The URL of the outer request.
 */
export async function signKeyChange(
  signer: Required<Signer>,
  newKey: AccountKey,
  keyChange: URL,
): Promise<FlattenedJws> {
  const header = { alg: newKey.alg, jwk: newKey.publicJwk, url: keyChange.href };
  const payload = { account: signer.account.href, oldKey: signer.key.publicJwk };
  return await flattened(newKey.privateKey, header, payload);
}

async function flattened(
  key: CryptoKey | Uint8Array<ArrayBuffer>,
  header: Readonly<Record<string, unknown>>,
  payload: Payload,
): Promise<FlattenedJws> {
  const bytes = new TextEncoder().encode(payload === undefined ? "" : JSON.stringify(payload));
  const jws = await new FlattenedSign(bytes).setProtectedHeader({ ...header }).sign(key);
  return { protected: jws.protected ?? "", payload: jws.payload, signature: jws.signature };
}

/** People paste it with padding, line breaks or in the other base64 alphabet. */
function macKey(text: string): Uint8Array<ArrayBuffer> {
  const base64 = text.replace(/\s+/g, "").replace(/=+$/, "").replaceAll("-", "+").replaceAll("_", "/");
  if (base64 === "" || base64.length % 4 === 1 || !/^[A-Za-z0-9+/]+$/.test(base64)) {
    throw new InputError(
      "ACME_EAB_HMAC_KEY",
      "Cannot read ACME_EAB_HMAC_KEY: it is not base64url",
      "copy the HMAC key once more from the CA's account page",
    );
  }
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
