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
