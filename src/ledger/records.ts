import type { DnsName } from "../model/dns_name.ts";
import type {
  AccountChange,
  AccountClosure,
  AccountRecord,
  AsideRecord,
  AttemptRecord,
  AuthorizationRecord,
  CertificateRecord,
  DeploymentRecord,
  NameRecord,
  OrderRecord,
  RateRecord,
  WishRecord,
} from "../model/records.ts";
import type { RenewalRecord } from "../model/renewal_record.ts";
import type { SecretName } from "../model/secret_name.ts";
import type { Ledger } from "../ports.ts";
import {
  readAccount,
  readAnswer,
  readAside,
  readAttempt,
  readAuthorization,
  readCertificate,
  readChange,
  readClosure,
  readDeployment,
  readName,
  readOrder,
  readRate,
  readRenewal,
  readWish,
} from "./record_readers.ts";
import { joinId, type Table, table } from "./table.ts";

/** Everything that the flow writes down, one table a kind. */
export interface Records {
  /** By {@linkcode accountId}. */
  readonly accounts: Table<AccountRecord>;
  /** By {@linkcode accountId}: a change of the account that may be under way. */
  readonly changes: Table<AccountChange>;
  /** By {@linkcode accountId}: the account that can do nothing any more. */
  readonly closures: Table<AccountClosure>;
  /** By {@linkcode authorizationId}. */
  readonly authorizations: Table<AuthorizationRecord>;
  /** By the order's own id. */
  readonly orders: Table<OrderRecord>;
  /** By secret name. */
  readonly certificates: Table<CertificateRecord>;
  /** By {@linkcode deploymentId}. */
  readonly deployments: Table<DeploymentRecord>;
  /** By secret name. */
  readonly attempts: Table<AttemptRecord>;
  /** By {@linkcode nameId}. */
  readonly names: Table<NameRecord>;
  /** By {@linkcode rateId}. */
  readonly rates: Table<RateRecord>;
  /** By secret name. */
  readonly renewals: Table<RenewalRecord>;
  /** By secret name. */
  readonly asides: Table<AsideRecord>;
  /** By secret name: what persons asked for that waits for their DNS records. */
  readonly wishes: Table<WishRecord>;
  /** http-01: token → key authorization. */
  readonly answers: Table<string>;
}

/** The tables of a ledger. */
export function recordsOf(ledger: Ledger): Records {
  return {
    accounts: table(ledger, "accounts", readAccount),
    changes: table(ledger, "account_changes", readChange),
    closures: table(ledger, "account_closures", readClosure),
    authorizations: table(ledger, "authorizations", readAuthorization),
    orders: table(ledger, "orders", readOrder),
    certificates: table(ledger, "certificates", readCertificate),
    deployments: table(ledger, "deployments", readDeployment),
    attempts: table(ledger, "attempts", readAttempt),
    names: table(ledger, "names", readName),
    rates: table(ledger, "rates", readRate),
    renewals: table(ledger, "renewals", readRenewal),
    asides: table(ledger, "asides", readAside),
    wishes: table(ledger, "wishes", readWish),
    answers: table(ledger, "answers", readAnswer),
  };
}

/** Id of our account at a CA: one for each directory. */
export function accountId(directory: URL): string {
  return joinId(directory.href);
}

/** Whose authorization for what: `x` and `*.x` are two, and each profile has its own. */
export interface AuthorizationKey {
  /** The CA's. */
  readonly directory: URL;
  /** Ours at that CA. */
  readonly account: URL;
  /** An empty one is none. */
  readonly profile?: string;
  /** With `*.` where it is a wildcard's. */
  readonly name: DnsName;
}

/** Id of what we know of one name's authorization. */
export function authorizationId({ directory, account, profile, name }: AuthorizationKey): string {
  return joinId(directory.href, account.href, profile, name);
}

/** Id of what one balancer does with one certificate. */
export function deploymentId(balancer: string, secretName: SecretName): string {
  return joinId(balancer, secretName);
}

/** The certificate that such an id is about. */
export function deploymentSecret(id: string): SecretName {
  return id.slice(id.lastIndexOf("/") + 1) as SecretName; // no character of a secret's name is encoded
}

/** Id of how a name fails at a CA. */
export function nameId(directory: URL, name: DnsName): string {
  return joinId(directory.href, name);
}

/** Id of what is known of one limit, wait or order at a CA; the parts say what it is about. */
export function rateId(directory: URL, kind: RateRecord["kind"], ...parts: readonly string[]): string {
  return joinId(directory.href, kind, ...parts);
}

/** How the ids of all that is known of a CA's limits begin. */
export function rateIdPrefix(directory: URL): string {
  return `${joinId(directory.href)}/`;
}
