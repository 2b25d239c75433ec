import { fromBase64Url, toBase64Url } from "../jose/base64url.ts";

/**
 * The name of a certificate in renewal information (RFC 9773 §4.1).
 *
 * @param keyIdentifier Of its authority key identifier.
 * @param serial As in DER, with the zero before a first bit that is set.
 */
export function certId(keyIdentifier: Uint8Array, serial: Uint8Array): string {
  return `${toBase64Url(keyIdentifier)}.${toBase64Url(serial)}`;
}

/** Tells whether it can be one: two parts of base64url, neither empty. */
export function isCertId(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 2 && parts.every((part) => (fromBase64Url(part)?.length ?? 0) > 0);
}
