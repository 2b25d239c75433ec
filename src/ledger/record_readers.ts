/**
 * Reads the records that the ledger keeps as JSON. What is damaged is refused with the field's name; values are not quoted.
 *
 * @module
 */
import { type CertificateFacts, type CertType, parseCertType } from "../model/certificate.ts";
import { CHALLENGE_TYPES } from "../model/challenge_type.ts";
import { type DnsName, parseDnsName } from "../model/dns_name.ts";
import type { Hop } from "../model/inventory.ts";
import { KEY_TYPE_NAMES } from "../model/key_type.ts";
import type {
  AccountChange,
  AccountClosure,
  AccountRecord,
  AsideRecord,
  AttemptRecord,
  AuthorizationRecord,
  CertificateOrigin,
  CertificateRecord,
  DeploymentRecord,
  Intent,
  NameRecord,
  OrderRecord,
  OrderStep,
  RateRecord,
  ServedVersion,
  ShadowedName,
  WishRecord,
} from "../model/records.ts";
import { type RenewalDraw, type RenewalWindow, renewalWindow } from "../model/renewal.ts";
import type { RenewalRecord } from "../model/renewal_record.ts";
import { type Revocation, REVOCATION_REASONS, type RevocationReason } from "../model/revocation.ts";
import { parseSecretName, type SecretName } from "../model/secret_name.ts";
import { type Finding, FINDING_NAMES, isRefusal, type Reason } from "../model/verdict.ts";
import {
  type Fields,
  flag,
  given,
  instant,
  list,
  number,
  object,
  oneOf,
  optional,
  text,
  texts,
  url,
} from "../model/shape.ts";

/** Reads an {@linkcode AccountRecord}. */
export function readAccount(json: unknown): AccountRecord {
  const it = object(json, "account");
  return {
    directory: url(it, "directory"),
    url: url(it, "url"),
    thumbprint: text(it, "thumbprint"),
    ...given("email", optional(it, "email", text)),
    createdAt: instant(it, "createdAt"),
  };
}

/** Reads an {@linkcode AccountChange}. */
export function readChange(json: unknown): AccountChange {
  const it = object(json, "change");
  const common = { account: url(it, "account"), at: instant(it, "at") };
  const change = oneOf(it, "change", ["rollover", "deactivation"]);
  switch (change) {
    case "rollover":
      return { ...common, change, from: text(it, "from"), to: text(it, "to") };
    case "deactivation":
      return { ...common, change, thumbprint: text(it, "thumbprint") };
  }
}

/** Reads an {@linkcode AccountClosure}. */
export function readClosure(json: unknown): AccountClosure {
  const it = object(json, "closure");
  return {
    directory: url(it, "directory"),
    ...given("account", optional(it, "account", url)),
    thumbprint: text(it, "thumbprint"),
    by: oneOf(it, "by", ["command", "ca"]),
    at: instant(it, "at"),
  };
}

/** Reads an {@linkcode AuthorizationRecord}. */
export function readAuthorization(json: unknown): AuthorizationRecord {
  const it = object(json, "authorization");
  return {
    directory: url(it, "directory"),
    account: url(it, "account"),
    ...given("profile", optional(it, "profile", text)),
    name: dnsName(it, "name"),
    type: oneOf(it, "type", CHALLENGE_TYPES),
    ...given("balancer", optional(it, "balancer", text)),
    order: url(it, "order"),
    authorization: url(it, "authorization"),
    challenge: url(it, "challenge"),
    token: text(it, "token"),
    keyAuthorization: text(it, "keyAuthorization"),
    state: oneOf(it, "state", ["created", "requested", "validated", "error"]),
    presented: flag(it, "presented"),
    ...given("expires", optional(it, "expires", instant)),
    ...given("error", optional(it, "error", text)),
    createdAt: instant(it, "createdAt"),
  };
}

/** Reads an {@linkcode OrderRecord}: the fields of its step, and no others. */
export function readOrder(json: unknown): OrderRecord {
  const it = object(json, "order");
  const common = {
    id: text(it, "id"),
    directory: url(it, "directory"),
    account: url(it, "account"),
    names: dnsNames(it, "names"),
    ...given("profile", optional(it, "profile", text)),
    ...given("replaces", optional(it, "replaces", text)),
    ...given("intent", optional(it, "intent", intent)),
    createdAt: instant(it, "createdAt"),
  };
  const step = oneOf(it, "step", ORDER_STEPS);
  switch (step) {
    case "intended":
      return { ...common, step };
    case "ordered":
    case "parked":
      return { ...common, step, url: url(it, "url"), ...given("expires", optional(it, "expires", instant)) };
    case "finalizing":
      return { ...common, step, url: url(it, "url"), ...given("refusals", optional(it, "refusals", number)) };
    case "issued":
      return {
        ...common,
        step,
        url: url(it, "url"),
        certificate: url(it, "certificate"),
        ...given("looks", optional(it, "looks", number)),
      };
  }
}

/** Reads a {@linkcode CertificateRecord}. */
export function readCertificate(json: unknown): CertificateRecord {
  const it = object(json, "certificate");
  return {
    intent: intent(it, "intent"),
    facts: facts(it, "facts"),
    storedAt: instant(it, "storedAt"),
    ...given("revoked", optional(it, "revoked", revocation)),
    ...given("warnings", optional(it, "warnings", findings)),
    ...originOf(it),
  };
}

/** Reads an {@linkcode AsideRecord}. */
export function readAside(json: unknown): AsideRecord {
  const it = object(json, "aside");
  return {
    intent: intent(it, "intent"),
    ...given("facts", optional(it, "facts", facts)),
    reasons: reasons(it, "reasons"),
    warnings: findings(it, "warnings"),
    directory: url(it, "directory"),
    account: url(it, "account"),
    order: url(it, "order"),
    at: instant(it, "at"),
    count: number(it, "count"),
    until: instant(it, "until"),
  };
}

/** Reads a {@linkcode DeploymentRecord}. */
export function readDeployment(json: unknown): DeploymentRecord {
  const it = object(json, "deployment");
  const common = {
    balancer: text(it, "balancer"),
    secretName: secretName(it, "secretName"),
    fingerprint: text(it, "fingerprint"),
    at: instant(it, "at"),
  };
  const state = oneOf(it, "state", ["served", "held"]);
  switch (state) {
    case "served":
      return { ...common, state, shadowed: list(it, "shadowed").map(shadowedName) };
    case "held":
      return {
        ...common,
        state,
        reason: text(it, "reason"),
        until: instant(it, "until"),
        ...given("hop", optional(it, "hop", (from, field) => oneOf(from, field, HOPS))),
        ...given("sign", optional(it, "sign", text)),
        ...given("refused", optional(it, "refused", texts)),
        ...given("standIn", optional(it, "standIn", servedVersion)),
      };
  }
}

function servedVersion(whole: Fields, field: string): ServedVersion {
  const it = object(whole[field], field);
  return {
    fingerprint: text(it, "fingerprint"),
    at: instant(it, "at"),
    shadowed: list(it, "shadowed").map(shadowedName),
  };
}

const HOPS = ["vault", "balancer", "disk", "memory", "served"] as const satisfies readonly Hop[];

/** Reads an {@linkcode AttemptRecord}. */
export function readAttempt(json: unknown): AttemptRecord {
  const it = object(json, "attempt");
  return {
    failures: number(it, "failures"),
    ...given("lastError", optional(it, "lastError", text)),
    ...given("lastCode", optional(it, "lastCode", text)),
    ...given("nextAt", optional(it, "nextAt", instant)),
    ...given("retryAt", optional(it, "retryAt", instant)),
    lastAt: instant(it, "lastAt"),
  };
}

/** Reads a {@linkcode NameRecord}: the fields of its state, and no others. */
export function readName(json: unknown): NameRecord {
  const it = object(json, "name");
  const common = {
    directory: url(it, "directory"),
    name: dnsName(it, "name"),
    failures: number(it, "failures"),
    problem: text(it, "problem"),
    detail: text(it, "detail"),
    ...given("page", optional(it, "page", url)),
    lastAt: instant(it, "lastAt"),
  };
  const state = oneOf(it, "state", ["failing", "resting", "paused", "refused"]);
  switch (state) {
    case "failing":
    case "refused":
      return { ...common, state };
    case "resting":
    case "paused":
      return { ...common, state, until: instant(it, "until") };
  }
}

/** Reads a {@linkcode RateRecord}. */
export function readRate(json: unknown): RateRecord {
  const it = object(json, "rate");
  const kind = oneOf(it, "kind", ["bucket", "wait", "issued", "order"]);
  switch (kind) {
    case "bucket":
      return { kind, fullAt: instant(it, "fullAt"), pending: number(it, "pending") };
    case "wait":
      return {
        kind,
        until: instant(it, "until"),
        why: text(it, "why"),
        stated: flag(it, "stated"),
        refusals: number(it, "refusals"),
        ...given("paceMs", optional(it, "paceMs", number)),
      };
    case "issued":
      return { kind, until: instant(it, "until") };
    case "order":
      return {
        kind,
        counted: flag(it, "counted"),
        ...given("renewal", optional(it, "renewal", (from, field) => oneOf(from, field, ["replaces", "same names"]))),
        until: instant(it, "until"),
      };
  }
}

/** Reads a {@linkcode RenewalRecord}. */
export function readRenewal(json: unknown): RenewalRecord {
  const it = object(json, "renewal");
  return {
    certId: text(it, "certId"),
    ...given("draw", optional(it, "draw", draw)),
    askedAt: instant(it, "askedAt"),
    askAt: instant(it, "askAt"),
    failures: number(it, "failures"),
    recalls: number(it, "recalls"),
  };
}

/** Reads a {@linkcode WishRecord}. */
export function readWish(json: unknown): WishRecord {
  const it = object(json, "wish");
  return { intent: intent(it, "intent"), at: instant(it, "at") };
}

/** Reads a published key authorization. */
export function readAnswer(json: unknown): string {
  return text({ keyAuthorization: json }, "keyAuthorization");
}

const ORDER_STEPS = ["intended", "ordered", "parked", "finalizing", "issued"] as const satisfies readonly OrderStep[];

function intent(from: Fields, field: string): Intent {
  const it = object(from[field], field);
  return {
    names: dnsNames(it, "names"),
    keyType: oneOf(it, "keyType", KEY_TYPE_NAMES),
    secretName: secretName(it, "secretName"),
    certType: certType(it, "certType"),
    balancers: texts(it, "balancers"),
    ...given("twinOf", optional(it, "twinOf", secretName)),
    ...given("awaited", optional(it, "awaited", flag)),
  };
}

/** Records from before certificates could be imported do not say where they came from. */
function originOf(it: Fields): CertificateOrigin {
  const origin = optional(it, "origin", (from, field) => oneOf(from, field, ["ca", "imported"])) ?? "ca";
  if (origin === "imported") return { origin };
  return { origin, directory: url(it, "directory"), account: url(it, "account"), order: url(it, "order") };
}

function revocation(from: Fields, field: string): Revocation {
  const it = object(from[field], field);
  const reasons = Object.keys(REVOCATION_REASONS) as readonly RevocationReason[];
  return { at: instant(it, "at"), reason: oneOf(it, "reason", reasons) };
}

function findings(from: Fields, field: string): readonly Finding[] {
  return list(from, field).map((json) => {
    const it = object(json, field);
    return { name: oneOf(it, "name", FINDING_NAMES), found: text(it, "found") };
  });
}

function reasons(from: Fields, field: string): readonly [Reason, ...Reason[]] {
  const [first, ...others] = findings(from, field).filter((it): it is Reason => isRefusal(it.name));
  if (first === undefined) throw new SyntaxError(`"${field}" has no reason`);
  return [first, ...others];
}

function facts(from: Fields, field: string): CertificateFacts {
  const it = object(from[field], field);
  return {
    subject: text(it, "subject"),
    issuer: text(it, "issuer"),
    names: texts(it, "names").map((name) => parsed("names", () => parseDnsName(name))),
    serial: text(it, "serial"),
    notBefore: instant(it, "notBefore"),
    notAfter: instant(it, "notAfter"),
    fingerprint: text(it, "fingerprint"),
    ...given("certId", optional(it, "certId", text)),
  };
}

function draw(from: Fields, field: string): RenewalDraw {
  const it = object(from[field], field);
  return {
    window: window(it, "window"),
    at: instant(it, "at"),
    ...given("explanationUrl", optional(it, "explanationUrl", url)),
  };
}

function window(from: Fields, field: string): RenewalWindow {
  const it = object(from[field], field);
  const found = renewalWindow(instant(it, "start"), instant(it, "end"));
  if (found === undefined) throw new SyntaxError(`"${field}" ends before it starts`);
  return found;
}

function shadowedName(json: unknown): ShadowedName {
  const it = object(json, "shadowed");
  return { name: dnsName(it, "name"), ...given("by", optional(it, "by", text)) };
}

function dnsName(from: Fields, field: string): DnsName {
  return parsed(field, () => parseDnsName(text(from, field)));
}

function dnsNames(from: Fields, field: string): readonly [DnsName, ...DnsName[]] {
  const [first, ...rest] = texts(from, field).map((name) => parsed(field, () => parseDnsName(name)));
  if (first === undefined) throw new SyntaxError(`"${field}" is empty`);
  return [first, ...rest];
}

function secretName(from: Fields, field: string): SecretName {
  return parsed(field, () => parseSecretName(text(from, field)));
}

function certType(from: Fields, field: string): CertType {
  return parsed(field, () => parseCertType(text(from, field)));
}

/** The parsers of user input name their own fields: here it is the record's. */
function parsed<T>(field: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    throw new SyntaxError(`"${field}" is not possible: ${error instanceof Error ? error.message : error}`);
  }
}
