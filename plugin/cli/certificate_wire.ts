/**
 * The API's answers about certificates, read field by field.
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
import { optionalTexts } from "./wire.ts";

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
