/**
 * What the ledger remembers. A record is written before the deed that it announces, so a restart goes on
 * from the last word that was written down.
 *
 * @module
 */
import type { CertificateFacts, CertType } from "./certificate.ts";
import type { ChallengeType } from "./challenge_type.ts";
import type { DnsName } from "./dns_name.ts";
import type { Hop } from "./inventory.ts";
import type { KeyType } from "./key_type.ts";
import type { Revocation } from "./revocation.ts";
import type { Bucket, Renewal } from "./rates.ts";
import type { SecretName } from "./secret_name.ts";
import type { Finding, Reason } from "./verdict.ts";

/** A certificate that somebody wants: by command, or declared in `CERTIFICATES`. */
export interface Intent {
  /** The first name is the subject. */
  readonly names: readonly [DnsName, ...DnsName[]];
  /** Kind of the private key. */
  readonly keyType: KeyType;
  /** The base of the three secrets' names. */
  readonly secretName: SecretName;
  /** What `_CERTIFICATE` holds. */
  readonly certType: CertType;
  /** Names of the balancers that shall serve it; none: it is only kept in the vault. */
  readonly balancers: readonly string[];
  /** It comes beside the certificate of that secret name: for the same names, with a key of the other algorithm. */
  readonly twinOf?: SecretName;
  /** The keeper goes ahead in the place of a person, whose `get` may still come: it is answered by what came of this. */
  readonly awaited?: boolean;
}

/** A certificate that a person asked for while DNS lacked a record of theirs: it is got once all are seen. */
export interface WishRecord {
  /** What was asked for. */
  readonly intent: Intent;
  /** When. */
  readonly at: Date;
}

/** Our account at one CA (RFC 8555 §7.1.2). The key itself is the vault secret `LE_PRIVATE_KEY`. */
export interface AccountRecord {
  /** URL of the CA's directory. */
  readonly directory: URL;
  /** The account's URL: its name at the CA. */
  readonly url: URL;
  /** RFC 7638 thumbprint of the key that the account was made with. */
  readonly thumbprint: string;
  /** Contact address that was given. */
  readonly email?: string;
  /** When it was made or found. */
  readonly createdAt: Date;
}

/**
 * A change of an account that was announced: the CA may have heard of it, or not. Who finds one after a restart asks the CA,
 * and finishes or forgets it.
 */
export type AccountChange =
  & {
    /** URL of the account. */
    readonly account: URL;
    /** When it was announced. */
    readonly at: Date;
  }
  & (
    | {
      /** Another key; it is sealed in the vault before this is written. */
      readonly change: "rollover";
      /** Thumbprint of the key before. */
      readonly from: string;
      /** Thumbprint of the new key. */
      readonly to: string;
    }
    | {
      readonly change: "deactivation";
      /** Thumbprint of the account's key. */
      readonly thumbprint: string;
    }
  );

/** An account that can do nothing any more (RFC 8555 §7.3.6). It is never replaced by another one unless a person says so. */
export interface AccountClosure {
  /** URL of the CA's directory. */
  readonly directory: URL;
  /** Its URL, where we knew it. */
  readonly account?: URL;
  /** Thumbprint of its key. */
  readonly thumbprint: string;
  /** By our own command, or found so at the CA. */
  readonly by: "command" | "ca";
  /** When it was commanded or found. */
  readonly at: Date;
}

/** The original's states of a domain authorization. */
export type AuthorizationState = "created" | "requested" | "validated" | "error";

/** What we know of one name's authorization at one account. */
export interface AuthorizationRecord {
  /** URL of the CA's directory. */
  readonly directory: URL;
  /** URL of the account. */
  readonly account: URL;
  /** Profile that orders are placed with. */
  readonly profile?: string;
  /** The name, with `*.` where it is a wildcard. */
  readonly name: DnsName;
  /** How it is proven. */
  readonly type: ChallengeType;
  /** The balancer that answers, and that certificates for the name are deployed to. */
  readonly balancer?: string;
  /** URL of the order that carries the authorization. */
  readonly order: URL;
  /** URL of the authorization. */
  readonly authorization: URL;
  /** URL of the challenge. */
  readonly challenge: URL;
  /** The challenge's token. */
  readonly token: string;
  /** token "." thumbprint (RFC 8555 §8.1); public by nature. */
  readonly keyAuthorization: string;
  /** How far it got. */
  readonly state: AuthorizationState;
  /** The answer is up, or may be: set before it is presented, cleared when it was taken down. */
  readonly presented: boolean;
  /** After this instant the CA has forgotten it. */
  readonly expires?: Date;
  /** Why the CA was not convinced, in state `error`. */
  readonly error?: string;
  /** When it was recorded. */
  readonly createdAt: Date;
}

/** An order in flight; each step has exactly what is known by then. */
export type OrderRecord =
  & {
    /** Ours, random; also names the sealed private key. */
    readonly id: string;
    readonly directory: URL;
    readonly account: URL;
    readonly names: readonly [DnsName, ...DnsName[]];
    readonly profile?: string;
    /** certID of the certificate that it replaces (RFC 9773 §5), as long as the CA has not refused that. */
    readonly replaces?: string;
    /** What to do with the certificate; absent while the order only carries an authorization. */
    readonly intent?: Intent;
    readonly createdAt: Date;
  }
  & (
    | { readonly step: "intended" } // newOrder may have been sent; Location unknown
    | { readonly step: "ordered"; readonly url: URL; readonly expires?: Date }
    | { readonly step: "parked"; readonly url: URL; readonly expires?: Date } // waits for records that a person sets
    // the key is sealed, the CSR may have been sent; refusals: how many CSRs the CA has refused
    | { readonly step: "finalizing"; readonly url: URL; readonly refusals?: number }
    // looks: how often what was downloaded could not be read
    | { readonly step: "issued"; readonly url: URL; readonly certificate: URL; readonly looks?: number }
  );

/** Where an order stands. */
export type OrderStep = OrderRecord["step"];

/** A certificate that is in the vault, and where it came from. */
export type CertificateRecord =
  & {
    /** What was wanted; of an imported one, what it would take to renew it. */
    readonly intent: Intent;
    /** What came. */
    readonly facts: CertificateFacts;
    /** When it was written into the vault. */
    readonly storedAt: Date;
    /** The CA has revoked it at our request. */
    readonly revoked?: Revocation;
    /** What people should know of it, against the one before. */
    readonly warnings?: readonly Finding[];
  }
  & CertificateOrigin;

/** Where a certificate came from: an order of ours at a CA, which is not fetched again, or a person's files. */
export type CertificateOrigin =
  | { readonly origin: "ca"; readonly directory: URL; readonly account: URL; readonly order: URL }
  | { readonly origin: "imported" };

/** A certificate that a CA issued and that was not taken: sealed in the vault, and not served. */
export interface AsideRecord {
  /** What was wanted. */
  readonly intent: Intent;
  /** What came; absent where it could not be read. */
  readonly facts?: CertificateFacts;
  /** Why it was not taken. */
  readonly reasons: readonly [Reason, ...Reason[]];
  /** What else is to be known of it. */
  readonly warnings: readonly Finding[];
  /** URL of the CA's directory. */
  readonly directory: URL;
  /** URL of the account. */
  readonly account: URL;
  /** URL of its order. */
  readonly order: URL;
  /** When it was kept aside. */
  readonly at: Date;
  /** How many in a row were, this one included. */
  readonly count: number;
  /** Not before this instant is another one ordered by itself. */
  readonly until: Date;
}

/** What one balancer does with one certificate. */
export type DeploymentRecord =
  & { readonly balancer: string; readonly secretName: SecretName; readonly fingerprint: string; readonly at: Date }
  & (
    | { readonly state: "served"; readonly shadowed: readonly ShadowedName[] }
    | {
      readonly state: "held";
      readonly reason: string;
      readonly until: Date;
      /** Where it stopped. */
      readonly hop?: Hop;
      /** The balancer's after it had refused; absent where it did not answer then. */
      readonly sign?: string;
      /** The versions that it has refused, this one among them unless nothing was begun: none of them is a stand-in. */
      readonly refused?: readonly string[];
      /** The earlier version that it was seen to serve meanwhile. */
      readonly standIn?: ServedVersion;
    }
  );

/** A version of a certificate that clients of a balancer got. */
export interface ServedVersion {
  /** SHA-256 of the leaf. */
  readonly fingerprint: string;
  /** When that was seen. */
  readonly at: Date;
  /** The names that another certificate answered. */
  readonly shadowed: readonly ShadowedName[];
}

/** A name of ours that another certificate on the same balancer answers. */
export interface ShadowedName {
  /** The name. */
  readonly name: DnsName;
  /** The file that answers, where it could be told. */
  readonly by?: string;
}

/** How the attempts at one certificate went. */
export interface AttemptRecord {
  /** Failures in a row. */
  readonly failures: number;
  /** What went wrong last, in a sentence. */
  readonly lastError?: string;
  /** Its class: an `ErrorCode`. */
  readonly lastCode?: string;
  /** Not before this instant is it tried again. */
  readonly nextAt?: Date;
  /** What the CA asked for by `Retry-After`; `nextAt` is never before it. */
  readonly retryAt?: Date;
  /** When it was tried last. */
  readonly lastAt: Date;
}

/** How a name failed at a CA, since it was last convinced. */
export type NameRecord =
  & {
    /** URL of the CA's directory. */
    readonly directory: URL;
    /** The name, with `*.` where it is a wildcard. */
    readonly name: DnsName;
    /** Failures in a row. */
    readonly failures: number;
    /** The last problem's type, for example `caa`. */
    readonly problem: string;
    /** The CA's words. */
    readonly detail: string;
    /** A page of the CA for a person who acts. */
    readonly page?: URL;
    /** When it failed last. */
    readonly lastAt: Date;
  }
  & NameRest;

/** What follows for the certificates that the name is in. */
export type NameRest =
  | { readonly state: "failing" } // nothing yet
  | { readonly state: "resting"; readonly until: Date } // they are not ordered by themselves before
  | { readonly state: "paused"; readonly until: Date } // the CA waits for a person; until then nobody looks whether one acted
  | { readonly state: "refused" }; // they are not ordered by themselves any more

/** What the CA's limits let us do, as far as it is known. One entry a bucket, a wait, or a thing that limits ask for. */
export type RateRecord =
  | ({ readonly kind: "bucket" } & Bucket)
  | ({ readonly kind: "wait" } & RateWait)
  /** A certificate for these names was issued: until then its successor counts as a renewal. */
  | { readonly kind: "issued"; readonly until: Date }
  /** An order that the CA has not finished: whether its certificate was counted, and why limits let it pass. */
  | { readonly kind: "order"; readonly counted: boolean; readonly renewal?: Renewal; readonly until: Date };

/** The CA refused: what it said binds until then, and is remembered until a request of the same kind succeeds. */
export interface RateWait {
  /** Not before this instant is the CA asked again. */
  readonly until: Date;
  /** Its words. */
  readonly why: string;
  /** The CA named the time (`Retry-After`); else it is our own. */
  readonly stated: boolean;
  /** Refusals in a row. */
  readonly refusals: number;
  /** A limit that we do not know: afterwards the CA is asked only so often while several wait, in milliseconds. */
  readonly paceMs?: number;
}
