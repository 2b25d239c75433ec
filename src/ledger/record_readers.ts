/**
 * Reads the records that the ledger keeps as JSON. What is damaged is refused with the field's name; values are not quoted.
 *
 * @module
 */
import { CHALLENGE_TYPES } from "../model/challenge_type.ts";
import type { Hop } from "../model/inventory.ts";
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
  OrderStep,
  RateRecord,
  WishRecord,
} from "../model/records.ts";
import type { RenewalRecord } from "../model/renewal_record.ts";
import { flag, given, instant, list, number, object, oneOf, optional, text, texts, url } from "../model/shape.ts";
import {
  dnsName,
  dnsNames,
  draw,
  facts,
  findings,
  intent,
  originOf,
  reasons,
  revocation,
  secretName,
  servedVersion,
  shadowedName,
} from "./record_parts.ts";

const HOPS = ["vault", "balancer", "disk", "memory", "served"] as const satisfies readonly Hop[];

const ORDER_STEPS = ["intended", "ordered", "parked", "finalizing", "issued"] as const satisfies readonly OrderStep[];

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
