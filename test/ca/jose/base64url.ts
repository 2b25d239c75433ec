/**
 * Reads base64url as JWS has it: no padding, no other characters, no bits that mean nothing (RFC 7515 §2, RFC 4648 §3.5).
 *
 * @returns undefined where it is something else.
 */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined;
  const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
  return toBase64Url(bytes) === text ? bytes : undefined;
}

/** Writes base64url without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
