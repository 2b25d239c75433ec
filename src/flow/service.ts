/**
 * What can be asked of the sidecar: the commands and the API are two faces of this one interface.
 *
 * @module
 */
import type { ByHand } from "../model/by_hand.ts";
import type { CertType } from "../model/certificate.ts";
import type { ChallengeType } from "../model/challenge_type.ts";
import type { DnsName } from "../model/dns_name.ts";
import type { KeyType } from "../model/key_type.ts";
import type {
  AccountChange,
  AccountClosure,
  AccountRecord,
  AsideRecord,
  AuthorizationRecord,
  CertificateRecord,
  DeploymentRecord,
} from "../model/records.ts";
import type { RenewalDate } from "../model/renewal.ts";
import type { RevocationReason } from "../model/revocation.ts";
import type { SecretName } from "../model/secret_name.ts";
import type { AuthorityInfo, Call } from "../ports.ts";
import type { ExplainedCertificate } from "./explain.ts";

/** The CA as a person who is about to register wants to see it. */
export interface Registration {
  /** URL of the CA's directory. */
  readonly directory: URL;
  /** What the directory says. */
  readonly info: AuthorityInfo;
  /** The account that there is already. */
  readonly account?: AccountRecord;
  /** That account can do nothing any more. */
  readonly closure?: AccountClosure;
}

/** What `certificate register` sends. */
export interface RegisterRequest {
  /** Contact address; a CA may want none. */
  readonly email?: string;
  /** The terms were shown and accepted. */
  readonly agreeTos: boolean;
  /** Another account is wanted in the place of one that was deactivated; nothing else makes one. */
  readonly newAccount?: boolean;
}

/** What `certificate account show` tells. */
export type AccountStatus =
  & {
    /** URL of the CA's directory. */
    readonly directory: URL;
    /** The account as it is written down. */
    readonly record?: AccountRecord;
    /** Kind of its key, as `KEY_TYPE` says it; absent where the vault has none. */
    readonly keyType?: string;
    /** A change that was announced, and is settled with the next request. */
    readonly pending?: AccountChange["change"];
  }
  & (
    | {
      readonly state: "valid";
      /** As the CA keeps it, often not at all. */
      readonly contact: readonly string[];
    }
    | { readonly state: "deactivated"; readonly closure: AccountClosure }
    | {
      readonly state: "unknown";
      /** Why the CA could not tell. */
      readonly reason: string;
    }
  );

/** What `certificate authorize` sends. */
export interface AuthorizeRequest {
  /** The name to prove control of. */
  readonly domain: DnsName;
  /** The way to prove it. */
  readonly type: ChallengeType;
  /** `--linked-service`, `--lb-link`: the balancer that answers. */
  readonly balancer?: string;
}

/** A TXT record for a person to set (RFC 8555 §8.4). */
export interface TxtRecord {
  /** The name that the record proves. */
  readonly domain: DnsName;
  /** For example `_acme-challenge.example.com`. */
  readonly name: string;
  /** The value of the record. */
  readonly content: string;
}

/** What became of `certificate authorize`. */
export interface Authorized {
  /** The authorization as it is written down. */
  readonly record: AuthorizationRecord;
  /** For dns-01. */
  readonly txt?: TxtRecord;
}

/** What `certificate get` and `certificate request` send. */
export interface IssueRequest {
  /** The first is the subject. */
  readonly domains: readonly [DnsName, ...DnsName[]];
  /** Default: `LE_CERTIFICATE_<first domain>`. */
  readonly secretName?: SecretName;
  /** Default: `fullchain`. */
  readonly certType?: CertType;
  /** Default: `KEY_TYPE`. */
  readonly keyType?: KeyType;
  /** `--linked-service` of `request`. */
  readonly balancers?: readonly string[];
  /** `--now`: the CA is asked once although a limit that we keep is used up. What the CA itself said binds all the same. */
  readonly now?: boolean;
}

/** What `certificate import` sends: PEM texts from elsewhere. */
export interface ImportRequest {
  /** The subject that the certificate must have; default: its own. */
  readonly subject?: string;
  /** The certificate; chain and key may stand in the same text. */
  readonly certificate: string;
  /** The key, where it is not in the text of the certificate. Secret. */
  readonly privateKey?: string;
  /** Further certificates, in any order. */
  readonly chain: readonly string[];
  /** `--linked-service`; default: the links of the one that it replaces or of its names, else the only balancer. */
  readonly balancers?: readonly string[];
  /** Also one that is not for servers, or is signed too weakly. */
  readonly force?: boolean;
}

/** A certificate that is in the vault, with what the balancers do with it. */
export interface HeldCertificate {
  /** The certificate as it is written down. */
  readonly record: CertificateRecord;
  /** One entry a balancer that was asked to serve it. */
  readonly deployments: readonly DeploymentRecord[];
  /** Every name can be proven again without a person. */
  readonly autoRenewable: boolean;
  /** What a person has to do, and when, where it is not renewed by itself. */
  readonly byHand?: ByHand;
  /** When it is renewed next by what is known; absent where it was revoked for good. */
  readonly renewal?: HeldRenewal;
  /** A newer one that was not taken. */
  readonly aside?: AsideRecord;
  /** Its second kind, where `KEY_TYPE` names two or one is held. */
  readonly twin?: Twin;
}

/** The certificate for the same names with a key of the other algorithm. */
export type Twin =
  & {
    /** Why the last attempt at it failed, if it did. */
    readonly reason?: string;
    /** Not before this instant is it tried again. */
    readonly until?: Date;
  }
  & (
    | { readonly state: "held"; readonly certificate: HeldCertificate }
    | {
      readonly state: "missing";
      /** The kind of key that it shall have. */
      readonly keyType: KeyType;
    }
  );

/** When a certificate is renewed next, why then, and where the CA explains it. */
export interface HeldRenewal extends RenewalDate {
  /** A page of the CA about its window. */
  readonly explanationUrl?: URL;
}

export type { ExplainedCertificate };

/** The parts of a certificate, PEM. `privateKey` is secret. */
export interface ExportedCertificate {
  /** The first name. */
  readonly subject: DnsName;
  /** The leaf. */
  readonly certificate: string;
  /** The intermediates; empty where there are none. */
  readonly chain: string;
  /** PKCS#8. Secret. */
  readonly privateKey: string;
}

/**
 * Everything that the faces may call. Errors are `SidecarError`s, whose `field` is the key of the original's error object.
 * Work that was begun for a caller who went away is carried on: aborting the signal only ends the waiting.
 */
export interface CertificateService {
  /** Shows the CA's terms, and the account where there is one. */
  registration(call: Call): Promise<Registration>;
  /** Makes the account, or finds the one of the same key. */
  register(request: RegisterRequest, call: Call): Promise<AccountRecord>;
  /** What is known of the account, and what the CA says of it; `ACCOUNT_MISSING` where there is none. */
  account(call: Call): Promise<AccountStatus>;
  /** Puts another contact in place of the account's. */
  updateAccount(email: string, call: Call): Promise<AccountStatus>;
  /** Gives the account another key; it waits for what is under way. */
  rollOverAccount(call: Call): Promise<AccountStatus>;
  /** Deactivates the account for ever; all that needs the CA then rejects with `ACCOUNT_DEACTIVATED`. */
  deactivateAccount(call: Call): Promise<AccountStatus>;
  /** Makes a domain authorization, or shows the one that there is; the CA is not told to look yet. */
  authorize(request: AuthorizeRequest, call: Call): Promise<Authorized>;
  /** All domain authorizations. */
  authorizations(call: Call): Promise<readonly AuthorizationRecord[]>;
  /** Every name needs an authorization record; waits for records that a person sets only by {@linkcode OrderParkedError}. */
  get(request: IssueRequest, call: Call): Promise<HeldCertificate>;
  /** As `get`, and names without an authorization are proven by the preferred automatic challenge. */
  request(request: IssueRequest, call: Call): Promise<HeldCertificate>;
  /** Sorted by subject; a second kind tells by its intent what it stands beside. */
  certificates(call: Call): Promise<readonly HeldCertificate[]>;
  /** The newest certificate whose first name it is, with its second kind beside it. */
  certificate(subject: string, call: Call): Promise<HeldCertificate | undefined>;
  /** Says in plain sentences how it stands with the certificate of the subject; undefined where nothing is known of it. */
  explainCertificate(subject: string, call: Call): Promise<ExplainedCertificate | undefined>;
  /** The parts of such a certificate, the private key among them. */
  exportCertificate(subject: string, call: Call): Promise<ExportedCertificate | undefined>;
  /** Checks a certificate from elsewhere, keeps it in place of the one of the same subject, and swaps it in. */
  importCertificate(request: ImportRequest, call: Call): Promise<HeldCertificate>;
  /**
   * Removes the newest certificate of the subject, and its second kind; false where there is none, `InUseError` where a
   * balancer has one of them.
   */
  removeCertificate(subject: string, options: { readonly force: boolean }, call: Call): Promise<boolean>;
  /** Makes current what was kept aside for the subject; undefined where there is none. */
  acceptCertificate(subject: string, call: Call): Promise<HeldCertificate | undefined>;
  /** Revokes the newest certificate of the subject at the CA that issued it, and its second kind where that is the same CA. */
  revokeCertificate(subject: string, reason: RevocationReason, call: Call): Promise<HeldCertificate | undefined>;
  /** Removes a domain authorization and takes its answer down; false where there is none. */
  removeAuthorization(domain: DnsName, call: Call): Promise<boolean>;
}
