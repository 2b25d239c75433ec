import { isObject } from "./fields.ts";
import { fromBase64Url } from "./jose/base64url.ts";

/** One request, and what came of it. */
export interface LogEntry {
  /** When it was answered, by the authority's clock. */
  readonly at: Date;
  /** HTTP method. */
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Name of the resource; undefined where there is none. */
  readonly endpoint?: string;
  /** The account, once the request was believed. */
  readonly account?: string;
  /** 0 where the connection was reset. */
  readonly status: number;
  /** The last part of the problem's type. */
  readonly problem?: string;
  /** The problem's text. */
  readonly detail?: string;
  /** What a signed request says, as it came: the empty text for POST-as-GET. */
  readonly payload?: string;
  /** The nonce that it used. */
  readonly nonce?: string;
  /** Retry-After of the answer, as it was sent. */
  readonly retryAfter?: string;
  /** Faults of the catalogue that struck it. */
  readonly faults?: readonly string[];
}

/** What is learned about a request while it is worked on. */
export type Note = Partial<
  Pick<LogEntry, "endpoint" | "account" | "problem" | "detail" | "payload" | "nonce" | "retryAfter" | "faults">
>;

/** Payload and nonce of a signed request, whether they are believed or not. */
export function saidIn(body: Uint8Array): Note {
  try {
    const jws: unknown = JSON.parse(new TextDecoder().decode(body));
    if (!isObject(jws)) return {};
    const decoded = (part: unknown): string => new TextDecoder().decode(fromBase64Url(String(part)));
    const { nonce } = JSON.parse(decoded(jws.protected));
    return { payload: decoded(jws.payload), ...(typeof nonce === "string" ? { nonce } : {}) };
  } catch {
    return {};
  }
}
