/**
 * The one place where an error becomes an answer, in the original's shapes.
 *
 * @module
 */
import { AcmeProblemError, describe, type ErrorCode, OrderParkedError, SidecarError, withoutPem } from "../../mod.ts";

/** What a caller gets instead of what was asked for. */
export interface Failure {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** Ends a request with an answer of its own. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly failure: Failure;

  constructor(status: number, body: Failure["body"], headers: Failure["headers"] = {}) {
    super(`answered ${status}`);
    this.failure = { status, body, headers };
  }
}

/** 404 in the original's words. */
export function notFound(text = "Not found"): Refusal {
  return new Refusal(404, { error: text });
}

/** 422 with one message a field. */
export function invalid(fields: Readonly<Record<string, string>>): Refusal {
  return new Refusal(422, { error: fields, code: "INPUT" });
}

/** Codes whose answer is not 422; their `error` is a text, as in the original's 404 and 503. */
const PLAIN_STATUS: Partial<Record<ErrorCode, number>> = { NOT_FOUND: 404, VAULT_UNAVAILABLE: 503, VAULT_KEY: 503 };

/**
 * Says an error to the caller. What is not known to be fit for outsiders becomes a bare 500.
 *
 * @param error Whatever was thrown.
 * @param now Turns `retryAt` into the seconds of `Retry-After` (RFC 9110 §10.2.3).
 */
export function failureOf(error: unknown, now: Date): Failure {
  if (error instanceof Refusal) return error.failure;
  if (!(error instanceof SidecarError)) {
    return { status: 500, body: { message: "Internal server error" }, headers: {} };
  }
  const plain = PLAIN_STATUS[error.code];
  const text = withoutPem(describe(error));
  return {
    status: plain ?? 422,
    body: {
      error: plain === undefined ? { [error.field]: text } : text,
      code: error.code,
      ...(error.retryAt === undefined ? {} : { retry_at: error.retryAt.toISOString() }),
      ...details(error),
    },
    headers: error.retryAt === undefined ? {} : { "retry-after": String(secondsUntil(error.retryAt, now)) },
  };
}

function secondsUntil(at: Date, now: Date): number {
  return Math.max(0, Math.ceil((at.getTime() - now.getTime()) / 1_000));
}

function details(error: SidecarError): Readonly<Record<string, unknown>> {
  if (error instanceof OrderParkedError) return { records: error.records.map(txtRecord) };
  if (error instanceof AcmeProblemError) return { problem: error.problem };
  return {};
}

function txtRecord({ domain, name, content }: OrderParkedError["records"][number]): Readonly<Record<string, string>> {
  return { domain, record_name: name, record_type: "TXT", record_content: content };
}
