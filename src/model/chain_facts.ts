import type { CertificateFacts } from "./certificate.ts";

/** The public key of a certificate as far as it is judged. */
export type PublicKeyShape =
  | { readonly family: "EC"; readonly curve: string }
  | { readonly family: "RSA"; readonly bits: number }
  | { readonly family: "other"; readonly name: string };

/** One certificate of a chain as far as it is judged. */
export interface LinkFacts {
  /** CN of the subject; foreign text. */
  readonly subject: string;
  /** The whole issuer, a line for each part, for example `O=Let's Encrypt`; foreign text. */
  readonly issuer: string;
  /** Start of validity. */
  readonly notBefore: Date;
  /** End of validity. */
  readonly notAfter: Date;
  /** Its key. */
  readonly key: PublicKeyShape;
  /** The digest that it is signed over, for example `SHA-256`; `unknown` where the algorithm is a new one. */
  readonly digest: string;
}

/** What does not fit where certificates are put together with each other and with a key. */
export interface ChainFault {
  /** Stable name. */
  readonly name: "wrong-key" | "chain-order" | "chain-broken";
  /** What was found, in a sentence without a period. */
  readonly found: string;
}

/** A chain and how it fits the key that it came for: everything that {@linkcode judge} looks at. */
export interface ChainFacts {
  /** Of the first certificate. */
  readonly facts: CertificateFacts;
  /** All dNSNames of the first certificate's SAN, also those that are no domain names. */
  readonly dnsNames: readonly string[];
  /** The certificates, leaf first, without a root at the end. */
  readonly links: readonly [LinkFacts, ...LinkFacts[]];
  /** What the leaf may be used for (RFC 5280 §4.2.1.12); absent where it does not say, which means everything. */
  readonly usages?: readonly string[];
  /** The leaf is signed by its own key. */
  readonly selfSigned: boolean;
  /** Why these are not one chain for the key. */
  readonly fault?: ChainFault;
}

/** Says the kind of a key, for example `RSA with 2048 bits`. */
export function describeKey(key: PublicKeyShape): string {
  if (key.family === "EC") return `EC on ${key.curve}`;
  return key.family === "RSA" ? `RSA with ${key.bits} bits` : key.name;
}

/** Names in certificates are foreign text: quoted, and cut off where they are long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
