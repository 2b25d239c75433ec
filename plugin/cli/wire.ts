/**
 * The API's answers, read field by field. What Kontena itself does not send may be missing.
 *
 * @module
 */
import { type Fields, flag, given, list, object, optional, text, texts } from "../../src/model/shape.ts";

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

function readTxt(from: Fields, name: string): TxtAnswer {
  return { name, type: text(from, "record_type"), content: text(from, "record_content") };
}

/** Those of the fields that are there, each a text. */
export function optionalTexts<K extends string>(
  from: Fields,
  fields: Readonly<Record<K, string>>,
): { [P in K]?: string } {
  const found: { [P in K]?: string } = {};
  for (const key in fields) {
    const value = optional(from, fields[key], text);
    if (value !== undefined) found[key] = value;
  }
  return found;
}
