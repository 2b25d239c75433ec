import type { Hop } from "./inventory.ts";
import { isProblem, type Problem, problemText } from "./problem.ts";

/** What went wrong, as a name that never changes: it stands in logs, metrics and answers. */
export type ErrorCode =
  | "INPUT" // an argument, option or setting is wrong
  | "NOT_FOUND" // the thing named does not exist
  | "CONFLICT" // somebody else wrote in between, or the name is taken
  | "CA_TRANSPORT" // the CA was not reached, or the answer did not arrive whole
  | "CA_ANSWER" // the CA answered something that RFC 8555 does not allow
  | "CA_PROBLEM" // the CA refused, with a problem document
  | "RATE_LIMITED" // a limit of the CA is used up, or it asked us to wait: it was not asked, or answered 429 without a word
  | "ACCOUNT_MISSING" // nobody has registered with this CA
  | "ACCOUNT_DEACTIVATED" // the account was deactivated, by command or at the CA
  | "CHALLENGE_NOT_OFFERED" // the CA does not offer that challenge type
  | "CHALLENGE_NOT_READY" // the answer is not visible yet, so the CA was not asked
  | "CHALLENGE_FAILED" // the CA looked, and was not convinced
  | "ORDER_PARKED" // the order waits for DNS records that a person sets
  | "ORDER_TIMEOUT" // the CA took longer than we wait in one go; the order goes on later
  | "CERTIFICATE_REJECTED" // what the CA sent must not be used
  | "VAULT_KEY" // the vault cannot be opened with this key
  | "VAULT_UNAVAILABLE" // the vault or ledger cannot be reached or is held by another process
  | "VAULT_DENIED" // the vault or ledger is there and does not let us: its rights have changed, a token has expired
  | "BALANCER_CONFIG" // the balancer is not wired as needed
  | "BALANCER_UNREACHABLE" // its socket or its probe address does not answer
  | "SWAP_REJECTED" // the balancer refused the certificate, or did not serve it
  | "INTERNAL"; // what nobody foresaw: a fault of this program

/** How an error is put together; everything but the message is optional. */
export interface SidecarErrorOptions extends ErrorOptions {
  /** The key under which the original's API reports it, for example `domain`. */
  readonly field?: string;
  /** What the reader can do about it: one sentence, without a period. */
  readonly todo?: string;
  /** Not before this instant does it make sense to try again. */
  readonly retryAt?: Date;
  /** HTTP status of the CA's answer, where there was one. */
  readonly status?: number;
  /** The CA refused what stands before every request: the directory or a nonce. */
  readonly beforeAll?: boolean;
  /** Where a certificate stopped on its way to the clients. */
  readonly hop?: Hop;
}

/** A condition that somebody handles: stable `code`, what was found, what to do. Never quotes a secret. */
export class SidecarError extends Error {
  /** Stable name of the class. */
  override readonly name: string = "SidecarError";
  /** Stable name of the condition. */
  readonly code: ErrorCode;
  /** The key under which the API reports it. */
  readonly field: string;
  /** What the reader can do about it. */
  readonly todo?: string;
  /** Not before this instant does it make sense to try again. */
  readonly retryAt?: Date;
  /** HTTP status of the CA's answer, where there was one. */
  readonly status?: number;
  /** The CA refused what stands before every request: the directory or a nonce. */
  readonly beforeAll?: boolean;
  /** Where a certificate stopped on its way to the clients. */
  readonly hop?: Hop;

  /** Makes the error; the message says what could not be done and what was found. */
  constructor(code: ErrorCode, message: string, options: SidecarErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.field = options.field ?? code.toLowerCase();
    if (options.todo !== undefined) this.todo = options.todo;
    if (options.retryAt !== undefined) this.retryAt = options.retryAt;
    if (options.status !== undefined) this.status = options.status;
    if (options.beforeAll !== undefined) this.beforeAll = options.beforeAll;
    if (options.hop !== undefined) this.hop = options.hop;
  }
}

/**
 * A wrong argument, reported under its field's name.
 *
 * @param field The option, variable or body field, spelled as the user wrote it.
 * @param message What could not be done and what was found.
 * @param todo What to write instead.
 */
export class InputError extends SidecarError {
  /** Stable name of the class. */
  override readonly name = "InputError";

  /** Makes the error for one field. */
  constructor(field: string, message: string, todo?: string, options: ErrorOptions = {}) {
    super("INPUT", message, { ...options, field, ...(todo === undefined ? {} : { todo }) });
  }
}

/** The CA refused, and said why (RFC 8555 §6.7). */
export class AcmeProblemError extends SidecarError {
  /** Stable name of the class. */
  override readonly name = "AcmeProblemError";
  /** What the CA said, whole. */
  readonly problem: Problem;
  /** Pages of the CA for a person who has to act, from the problem and its `Link` headers. */
  readonly pages: readonly URL[];

  /** Takes the CA's own words for a message. */
  constructor(problem: Problem, options: SidecarErrorOptions & { readonly pages?: readonly URL[] } = {}) {
    super("CA_PROBLEM", problemText(problem), { field: "acme_client", ...options });
    this.problem = problem;
    this.pages = options.pages ?? [];
  }
}

/** A key was to become an account's own, but has an account already (RFC 8555 §7.3.5). */
export class KeyTakenError extends SidecarError {
  /** Stable name of the class. */
  override readonly name = "KeyTakenError";
  /** The account that has it, where the CA said which. */
  readonly account?: URL;

  /** Makes the error; the key is not quoted. */
  constructor(account?: URL) {
    const whose = account === undefined ? "another account" : `the account ${account}`;
    super("CONFLICT", `Cannot change the account's key: the new one belongs to ${whose}`, {
      field: "account",
      todo: "repeat the command: it makes another key",
    });
    if (account !== undefined) this.account = account;
  }
}

/** Too much was asked of the CA for now; `retryAt` says when to go on. */
export class RateLimitedError extends SidecarError {
  /** Stable name of the class. */
  override readonly name = "RateLimitedError";

  /** Makes the error; the message says which limit, and how much of it is used. */
  constructor(message: string, options: SidecarErrorOptions = {}) {
    super("RATE_LIMITED", message, { field: "acme_client", ...options });
  }
}

/**
 * Tells whether waiting is all that is needed: a limit is used up, or the CA is busy (RFC 8555 §6.6). Nothing is wrong with
 * what was asked for then.
 */
export function isRateLimited(error: unknown): error is SidecarError {
  if (!(error instanceof SidecarError)) return false;
  if (error.code === "RATE_LIMITED" || error.status === 429 || error.status === 503) return true;
  return error instanceof AcmeProblemError && isProblem(error.problem, "rateLimited");
}

/** Tells whether the vault or the ledger is away: nothing is wrong with what was to be kept there, and it passes. */
export function isVaultAway(error: unknown): error is SidecarError {
  return error instanceof SidecarError && (error.code === "VAULT_UNAVAILABLE" || error.code === "VAULT_DENIED");
}

/** The order waits until a person has set these TXT records; the next `get` of the same names goes on with it. */
export class OrderParkedError extends SidecarError {
  /** Stable name of the class. */
  override readonly name = "OrderParkedError";
  /** `{ domain, name, content }` of each record that is wanted. */
  readonly records: readonly { readonly domain: string; readonly name: string; readonly content: string }[];

  /** Makes the error for the records that are not there. */
  constructor(records: OrderParkedError["records"]) {
    super("ORDER_PARKED", `Expected DNS record not present for domain ${records.map((it) => it.domain).join(", ")}`, {
      field: "dns_record",
      todo: "set the records shown and repeat the command",
    });
    this.records = records;
  }
}

/** Balancers serve what was to be removed. */
export class InUseError extends SidecarError {
  /** Stable name of the class. */
  override readonly name = "InUseError";
  /** Their names. */
  readonly balancers: readonly string[];

  /** Makes the error for these balancers. */
  constructor(balancers: readonly string[]) {
    super("CONFLICT", `Certificate still in use in services: ${balancers.join(",")}`, { field: "certificate" });
    this.balancers = balancers;
  }
}

/** The class of an error; what is none of ours was not foreseen. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof SidecarError ? error.code : "INTERNAL";
}

/** Says an error in one line: message, then its causes, then what to do. */
export function describe(error: unknown): string {
  const todo = error instanceof SidecarError && error.todo !== undefined ? ` (${error.todo})` : "";
  return `${reasonOf(error)}${todo}`;
}

/** Says what was found: message, then its causes, without what to do. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const causes: string[] = [];
  for (let cause = error.cause; cause instanceof Error && causes.length < 4; cause = cause.cause) {
    causes.push(cause.message);
  }
  const why = causes.filter((text) => text !== "" && !error.message.includes(text)).join(": ");
  return `${error.message}${why === "" ? "" : `: ${why}`}`;
}

/** Where a certificate stopped, as the error or the first of its causes that knows it says. */
export function hopOf(error: unknown): Hop | undefined {
  for (let it = error; it instanceof Error; it = it.cause) {
    if (it instanceof SidecarError && it.hop !== undefined) return it.hop;
  }
  return undefined;
}

/** Cuts a text off where a PEM block begins: the last line of defence where an error leaves the program. */
export function withoutPem(text: string): string {
  return text.replace(/-----BEGIN[\s\S]*/, "[PEM]");
}
