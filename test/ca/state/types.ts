import type { PublicKey } from "../jose/public_key.ts";
import type { ProblemDocument } from "../problem.ts";

/** Ways to prove control of a name: RFC 8555 §8.3 and §8.4, RFC 8737, draft-ietf-acme-acme-01 §7.3. */
export type ChallengeType = "http-01" | "dns-01" | "tls-alpn-01" | "tls-sni-01";

/** RFC 8555 §7.1.2. */
export interface Account {
  readonly id: string;
  readonly status: "valid" | "deactivated" | "revoked";
  readonly key: PublicKey;
  readonly contact: readonly string[];
  /** The binding as it was sent. */
  readonly externalAccount?: unknown;
}

/** RFC 8555 §7.1.5; each state has what is known in it. */
export type ChallengeState =
  | { readonly status: "pending"; readonly error?: ProblemDocument }
  | { readonly status: "processing" }
  | { readonly status: "valid"; readonly validated: Date }
  | { readonly status: "invalid"; readonly validated: Date; readonly error: ProblemDocument };

/** One way that is offered. */
export interface Challenge {
  readonly id: string;
  readonly type: ChallengeType;
  readonly token: string;
  readonly state: ChallengeState;
}

/** RFC 8555 §7.1.4. What follows from time and challenges is not kept: see `authorizationStatus`. */
export interface Authorization {
  readonly id: string;
  readonly account: string;
  /** Without `*.`. */
  readonly name: string;
  readonly wildcard: boolean;
  readonly profile: string;
  readonly expires: Date;
  readonly challenges: readonly Challenge[];
  /** Ended by the client or the server. */
  readonly ended?: "deactivated" | "revoked";
}

/** What became of an order beyond its authorizations. */
export type Outcome =
  | { readonly kind: "open" }
  | { readonly kind: "processing" }
  | { readonly kind: "issued"; readonly certificate: string; /** It is shown from then on. */ readonly at: Date }
  | { readonly kind: "failed"; readonly error: ProblemDocument };

/** RFC 8555 §7.1.3. Its status is not kept: see `orderStatus`. */
export interface Order {
  readonly id: string;
  readonly account: string;
  /** Sorted, with `*.` where it is a wildcard. */
  readonly names: readonly string[];
  /** The authorization of each name, in the order of `names`. */
  readonly authorizations: readonly string[];
  readonly profile: string;
  /** The client named the profile. */
  readonly profileAsked: boolean;
  /** certID of the certificate that it replaces (RFC 9773 §5). */
  readonly replaces?: string;
  readonly expires: Date;
  readonly outcome: Outcome;
  /** It is not handed back for a newOrder that asks for the same. */
  readonly onlyOnce?: boolean;
}

/** A certificate that was issued. */
export interface Certificate {
  /** Last part of its URL. */
  readonly id: string;
  /** Id of the account: the last part of the account's URL. */
  readonly account: string;
  /** The order that it came from. */
  readonly order: string;
  /** Sorted, lower case. */
  readonly names: readonly string[];
  /** Name of its profile. */
  readonly profile: string;
  /** Upper-case hexadecimal of its DER content, as openssl prints it. */
  readonly serial: string;
  /** RFC 9773 §4.1. */
  readonly certId: string;
  /** The leaf. */
  readonly der: Uint8Array<ArrayBuffer>;
  /** SubjectPublicKeyInfo, lower-case hexadecimal of the DER. */
  readonly spki: string;
  /** PEM, leaf first; the first is the default, the others its alternates. */
  readonly chains: readonly string[];
  /** An hour before it was issued. */
  readonly notBefore: Date;
  /** The last second that it is valid. */
  readonly notAfter: Date;
  /** When and why (RFC 5280 §5.3.1) it was revoked. */
  readonly revoked?: { readonly at: Date; readonly reason: number };
}
