/**
 * The API's answers, read field by field. What Kontena itself does not send may be missing.
 *
 * @module
 */
import { RENEWAL_REASONS, type RenewalReason } from "../../src/model/renewal.ts";
import {
  type Fields,
  flag,
  given,
  instant,
  list,
  number,
  object,
  optional,
  text,
  texts,
} from "../../src/model/shape.ts";

/** A certificate, of either shape. */
export interface CertificateAnswer {
  readonly subject: string;
  readonly validUntil: Date;
  /** As the API wrote it. */
  readonly validUntilText: string;
  readonly altNames: readonly string[];
  readonly autoRenewable: boolean;
  readonly secrets: readonly string[];
  readonly issuer?: string;
  readonly serial?: string;
  readonly fingerprint?: string;
  readonly keyType?: string;
  /** It came from elsewhere. */
  readonly imported: boolean;
  /** When and why it was revoked. */
  readonly revoked?: string;
  /** When it is renewed by itself, and why then. */
  readonly renewal?: string;
  /** What a person has to do, where it is not. */
  readonly byHand?: ByHandAnswer;
  /** Where the CA explains it. */
  readonly renewalExplanation?: string;
  /** What is to be known of it, a sentence each. */
  readonly warnings?: readonly string[];
  /** A newer one that was not taken. */
  readonly aside?: AsideAnswer;
  readonly balancers: readonly BalancerAnswer[];
  /** Its second kind. */
  readonly twin?: TwinAnswer;
}

/** The certificate for the same names with a key of the other algorithm. */
export type TwinAnswer =
  & {
    readonly keyType: string;
    /** Why the last attempt at it failed. */
    readonly reason?: string;
    /** When it is tried again. */
    readonly until?: string;
  }
  & (
    | {
      readonly state: "held";
      readonly validUntil: Date;
      readonly serial: string;
      readonly fingerprint: string;
      readonly revoked?: string;
      readonly secrets: readonly string[];
      readonly balancers: readonly BalancerAnswer[];
    }
    | { readonly state: "missing" }
  );
/** What a person has to do about a certificate. */
export interface ByHandAnswer {
  readonly from: Date;
  readonly until: Date;
  readonly due: boolean;
  /** A clause with the commands. */
  readonly todo: string;
}

/** A certificate that was kept aside. */
export interface AsideAnswer {
  /** Why, a sentence each with what to do. */
  readonly reasons: readonly string[];
  readonly at: string;
  readonly count: number;
  readonly nextOrderAt: string;
  readonly acceptable: boolean;
}

/** What a balancer does with it. */
export type BalancerAnswer =
  & { readonly name: string; readonly fingerprint: string }
  & (
    | { readonly state: "served"; readonly names: readonly string[]; readonly shadowed: readonly Shadowed[] }
    | { readonly state: "held"; readonly reason: string; readonly until: string; readonly standInSince?: string }
  );

/** A name that another certificate answers there. */
export interface Shadowed {
  readonly name: string;
  readonly by?: string;
}

/** Reads a certificate. */
export function readCertificate(json: unknown): CertificateAnswer {
  const from = object(json, "certificate");
  return {
    subject: optional(from, "subject", text) ?? text(from, "domain"),
    validUntil: instant(from, "valid_until"),
    validUntilText: text(from, "valid_until"),
    altNames: optional(from, "alt_names", texts) ?? [],
    autoRenewable: optional(from, "auto_renewable", flag) ?? false,
    secrets: optional(from, "secrets", texts) ?? [],
    ...optionalTexts(from, { issuer: "issuer", serial: "serial", fingerprint: "fingerprint", keyType: "key_type" }),
    imported: optional(from, "origin", text) === "imported",
    ...given("revoked", revocation(from)),
    ...given("renewal", renewal(from)),
    ...given("byHand", optional(from, "by_hand", readByHand)),
    ...optionalTexts(from, { renewalExplanation: "renewal_explanation_url" }),
    ...given("warnings", optional(from, "warnings", list)?.map(readFinding)),
    ...given("aside", optional(from, "kept_aside", readAside)),
    balancers: (optional(from, "load_balancers", list) ?? []).map(readBalancer),
    ...given("twin", optional(from, "second_kind", readTwin)),
  };
}

function readTwin(whole: Fields, field: string): TwinAnswer {
  const from = object(whole[field], field);
  const common = { keyType: text(from, "key_type"), ...optionalTexts(from, { reason: "reason", until: "until" }) };
  if (text(from, "state") === "missing") return { state: "missing", ...common };
  return {
    state: "held",
    ...common,
    validUntil: instant(from, "valid_until"),
    serial: text(from, "serial"),
    fingerprint: text(from, "fingerprint"),
    ...given("revoked", revocation(from)),
    secrets: texts(from, "secrets"),
    balancers: list(from, "load_balancers").map(readBalancer),
  };
}

function readByHand(whole: Fields, field: string): ByHandAnswer {
  const from = object(whole[field], field);
  return {
    from: instant(from, "from"),
    until: instant(from, "until"),
    due: flag(from, "due"),
    todo: text(from, "todo"),
  };
}

function readAside(whole: Fields, field: string): AsideAnswer {
  const from = object(whole[field], field);
  return {
    reasons: list(from, "reasons").map(readFinding),
    at: text(from, "at"),
    count: number(from, "count"),
    nextOrderAt: text(from, "next_order_at"),
    acceptable: flag(from, "acceptable"),
  };
}

function readFinding(json: unknown): string {
  const from = object(json, "finding");
  return `${text(from, "found")} (${text(from, "name")}: ${text(from, "todo")})`;
}

function revocation(from: Fields): string | undefined {
  const at = optional(from, "revoked_at", text);
  return at === undefined ? undefined : `${at} (${optional(from, "revocation_reason", text) ?? "unspecified"})`;
}

function renewal(from: Fields): string | undefined {
  const at = optional(from, "renewal_at", instant);
  if (at === undefined) return undefined;
  const reason = optional(from, "renewal_reason", text) ?? "lifetime";
  const words = Object.hasOwn(RENEWAL_REASONS, reason) ? RENEWAL_REASONS[reason as RenewalReason] : reason;
  return `${at.toISOString().replace(/\.\d+Z$/, "Z")} (${words})`;
}

/** Reads `{ [field]: [...] }`. */
export function readList<T>(json: unknown, field: string, read: (item: unknown) => T): readonly T[] {
  return list(object(json, "answer"), field).map(read);
}

/** A TXT record to set. */
export interface TxtAnswer {
  readonly name: string;
  readonly type: string;
  readonly content: string;
}

/** Reads the records of an order that waits for them; none where it is not such an error. */
export function readParked(body: unknown): readonly TxtAnswer[] {
  try {
    return (optional(object(body, "body"), "records", list) ?? []).map((json) => {
      const from = object(json, "record");
      return readTxt(from, text(from, "record_name"));
    });
  } catch {
    return []; // not our error body
  }
}

/** What became of `authorize`. */
export interface AuthorizationAnswer {
  readonly domain: string;
  /** The challenge type. */
  readonly type: string;
  readonly status: string;
  readonly expiresAt?: string;
  /** The record to set, for dns-01. */
  readonly txt?: TxtAnswer;
  /** The balancer that answers. */
  readonly balancer?: string;
}

/** Reads an authorization; the API names the record without the domain. */
export function readAuthorization(json: unknown): AuthorizationAnswer {
  const from = object(json, "authorization");
  const domain = text(from, "domain");
  const opts = optional(from, "challenge_opts", (fields, field) => object(fields[field], field)) ?? {};
  const label = optional(opts, "record_name", text);
  // Kontena's id of a service is grid/stack/service, with the stack "null" where there is none.
  const balancer = optional(from, "linked_service", serviceId)?.replace(/^[^/]*\/(?:null\/)?/, "");
  return {
    domain,
    type: optional(from, "authorization_type", text) ?? "dns-01",
    status: optional(from, "status", text) ?? "created",
    ...optionalTexts(from, { expiresAt: "expires_at" }),
    ...given("balancer", balancer),
    ...(label === undefined ? {} : { txt: readTxt(opts, `${label}.${domain.replace(/^\*\./, "")}`) }),
  };
}

/** A text at first, an object with an id in later generations. */
function serviceId(from: Fields, field: string): string {
  const value = from[field];
  return typeof value === "string" ? value : text(object(value, field), "id");
}

/** What the CA asks of one who registers. */
export interface RegistrationAnswer {
  readonly directory: string;
  readonly termsOfService?: string;
  readonly registered: boolean;
  /** When and how the account was ended. */
  readonly deactivated?: string;
}

/** Reads the answer of `GET …/register`. */
export function readRegistration(json: unknown): RegistrationAnswer {
  const from = object(json, "registration");
  return {
    directory: text(from, "directory"),
    ...optionalTexts(from, { termsOfService: "terms_of_service", deactivated: "deactivated" }),
    registered: flag(from, "registered"),
  };
}

/** The account at the CA. */
export interface AccountAnswer {
  readonly directory: string;
  readonly thumbprint: string;
  readonly state: string;
  readonly url?: string;
  readonly email?: string;
  readonly keyType?: string;
  readonly createdAt?: string;
  readonly deactivatedAt?: string;
  readonly deactivatedBy?: string;
  readonly reason?: string;
  readonly pending?: string;
}

/** Reads the account. */
export function readAccount(json: unknown): AccountAnswer {
  const from = object(json, "account");
  return {
    directory: text(from, "directory"),
    thumbprint: text(from, "thumbprint"),
    state: text(from, "state"),
    ...optionalTexts(from, {
      url: "url",
      email: "email",
      keyType: "key_type",
      createdAt: "created_at",
      deactivatedAt: "deactivated_at",
      deactivatedBy: "deactivated_by",
      reason: "reason",
      pending: "pending",
    }),
  };
}

/** A secret, with its value where it was asked for. */
export interface SecretAnswer {
  readonly name: string;
  readonly createdAt: string;
  readonly updatedAt?: string;
  readonly value?: string;
}

/** Reads a secret. */
export function readSecret(json: unknown): SecretAnswer {
  const from = object(json, "secret");
  return {
    name: text(from, "name"),
    createdAt: text(from, "created_at"),
    ...optionalTexts(from, { updatedAt: "updated_at", value: "value" }),
  };
}

/** How it stands with a certificate, in sentences. */
export interface ExplanationAnswer {
  readonly held: string;
  readonly served: readonly string[];
  readonly next: string;
  readonly failed?: { readonly text: string; readonly todo: string };
}

/** Reads the answer of `…/explain`. */
export function readExplanation(json: unknown): ExplanationAnswer {
  const from = object(json, "explanation");
  const failed = optional(from, "failed", (fields, field) => object(fields[field], field));
  return {
    held: text(from, "held"),
    served: texts(from, "served"),
    next: text(from, "next"),
    ...given("failed", failed === undefined ? undefined : { text: text(failed, "text"), todo: text(failed, "todo") }),
  };
}

/** The parts of a certificate, PEM. */
export interface ExportAnswer {
  readonly certificate: string;
  readonly chain: string;
  readonly privateKey: string;
}

/** Reads the answer of `…/export`. */
export function readExport(json: unknown): ExportAnswer {
  const from = object(json, "export");
  return {
    certificate: text(from, "certificate"),
    chain: optional(from, "chain", text) ?? "",
    privateKey: text(from, "private_key"),
  };
}

function readBalancer(json: unknown): BalancerAnswer {
  const from = object(json, "load balancer");
  const head = { name: text(from, "name"), fingerprint: text(from, "fingerprint") };
  if (text(from, "state") === "held") {
    const standInSince = optional(from, "stand_in", readStandIn);
    return {
      ...head,
      state: "held",
      reason: text(from, "reason"),
      until: text(from, "until"),
      ...given("standInSince", standInSince),
    };
  }
  return { ...head, state: "served", names: texts(from, "names"), shadowed: list(from, "shadowed").map(readShadowed) };
}

/** Reads when an earlier version was seen that is served while the newest is held. */
export function readStandIn(whole: Fields, field: string): string {
  return text(object(whole[field], field), "at");
}

function readShadowed(json: unknown): Shadowed {
  const from = object(json, "shadowed name");
  return { name: text(from, "name"), ...optionalTexts(from, { by: "by" }) };
}

function readTxt(from: Fields, name: string): TxtAnswer {
  return { name, type: text(from, "record_type"), content: text(from, "record_content") };
}

function optionalTexts<K extends string>(from: Fields, fields: Readonly<Record<K, string>>): { [P in K]?: string } {
  const found: { [P in K]?: string } = {};
  for (const key in fields) {
    const value = optional(from, fields[key], text);
    if (value !== undefined) found[key] = value;
  }
  return found;
}
