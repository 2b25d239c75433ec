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
