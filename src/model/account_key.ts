/** The key that signs requests to a CA; never the key of a certificate (RFC 8555 §11.1). */
export interface AccountKey {
  /** JWS algorithm (RFC 7518 §3.1). */
  readonly alg: "ES256" | "ES384" | "RS256";
  /** Signs; secret. */
  readonly privateKey: CryptoKey;
  /** Only the members that RFC 7638 §3.2 names. */
  readonly publicJwk: Readonly<Record<string, string>>;
  /** RFC 7638 SHA-256 thumbprint, base64url. */
  readonly thumbprint: string;
}

/** The kind of an account key in the words of `KEY_TYPE`: `ec-256`, `ec-384`, `rsa-2048`, …. */
export function accountKeyType({ publicJwk }: AccountKey): string {
  const { crv, n = "" } = publicJwk;
  if (crv !== undefined) return `ec-${crv.slice(2)}`;
  return `rsa-${8 * Math.floor(n.length * 3 / 4)}`; // base64url without padding, no leading zeros (RFC 7518 §6.3.1.1)
}
