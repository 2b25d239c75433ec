import { SidecarError } from "./errors.ts";

/** base64url with at least 128 bits of entropy, as RFC 8555 §8.3 wants it; the cap keeps it fit for a path and a key. */
const TOKEN = /^[A-Za-z0-9_-]{20,256}$/;

/** Tells whether the text can be a challenge's token; anything else never becomes a path or a key. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * Joins a challenge's token and the account key's thumbprint (RFC 8555 §8.1).
 *
 * @param token From the CA.
 * @param thumbprint RFC 7638 SHA-256 thumbprint of the account key, base64url.
 * @throws {SidecarError} `CA_ANSWER` if the token is not base64url.
 */
export function keyAuthorization(token: string, thumbprint: string): string {
  if (!isToken(token)) throw new SidecarError("CA_ANSWER", "The CA sent a challenge token that is not base64url");
  return `${token}.${thumbprint}`;
}
