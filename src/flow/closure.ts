import { AcmeProblemError, SidecarError } from "../model/errors.ts";
import { isProblem, type Problem } from "../model/problem.ts";
import type { AccountClosure } from "../model/records.ts";
import { given } from "../model/shape.ts";
import { accountId } from "../ledger/records.ts";
import type { Call } from "../ports.ts";
import { type OpenAccount, readKey } from "./account.ts";
import { isOpen } from "./answers.ts";
import type { AccountParts, FlowParts } from "./parts.ts";

/** The closure of our account at the CA; undefined where it was not closed. */
export async function closureOf({ authority, records }: FlowParts, call: Call): Promise<AccountClosure | undefined> {
  return (await records.closures.get(accountId(authority.directory), call))?.value;
}

/** A closure that is found or commanded now. */
export function closureBy(
  { authority, clock }: FlowParts,
  by: AccountClosure["by"],
  thumbprint: string,
  account: URL | undefined,
): AccountClosure {
  return { directory: authority.directory, ...given("account", account), thumbprint, by, at: clock.now() };
}

/** Says when and how the account was closed, and what a person can do. */
export function closedText({ directory, account, by, at }: AccountClosure): string {
  const which = account === undefined ? "" : ` ${account}`;
  const how = by === "command"
    ? `was deactivated on ${day(at)} by command`
    : `was deactivated at the CA, found on ${day(at)}`;
  return `The account${which} at ${directory.host} ${how}`;
}

/** What makes another account: nothing else does. */
export const REOPEN = "run kontena certificate register --new-account you@example.com to make another one";

/** The one error of everything that would need the account. */
export function closedError(closure: AccountClosure, cause?: unknown): SidecarError {
  return new SidecarError("ACCOUNT_DEACTIVATED", closedText(closure), {
    field: "account",
    todo: REOPEN,
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Takes down what was presented for the account, for no CA will ask; then writes down that it can do nothing any more, and
 * tells it. Whoever is interrupted comes here again.
 */
export async function closeAccount(
  parts: AccountParts,
  closure: AccountClosure,
  call: Call,
): Promise<AccountClosure> {
  const { authority, records, events } = parts;
  await giveUp(parts, closure, call);
  await records.closures.put(accountId(authority.directory), closure, call);
  events.emit({
    level: "error",
    name: "account.deactivated",
    text: `${closedText(closure)}; certificates are served on, but none is renewed (${REOPEN})`,
    fields: { by: closure.by, code: "ACCOUNT_DEACTIVATED", ...given("account", closure.account?.href) },
  });
  return closure;
}

/**
 * Finds out whether the CA refused because the account is closed (RFC 8555 §7.3.6): then that is written down, and the error
 * that says so is returned. Else it is the refusal itself.
 */
export async function explainRefusal(
  parts: AccountParts,
  { authority: account, thumbprint }: OpenAccount,
  refusal: unknown,
  call: Call,
): Promise<unknown> {
  const problem = problemOf(refusal);
  if (problem === undefined) return refusal;
  const closed = isProblem(problem, "unauthorized")
    ? await account.read(call).then(({ status }) => status !== "valid", () => false)
    : isProblem(problem, "accountDoesNotExist") && await isClosedKey(parts, call);
  if (!closed) return refusal;
  const closure = closureBy(parts, "ca", thumbprint, account.url);
  return closedError(await closeAccount(parts, closure, call), refusal);
}

/** What the CA said; several refusals at once have the first one as their cause. */
function problemOf(error: unknown): Problem | undefined {
  if (error instanceof AcmeProblemError) return error.problem;
  return error instanceof SidecarError && error.cause instanceof AcmeProblemError ? error.cause.problem : undefined;
}

/** Tells whether the CA says of the vault's key that its account is closed. */
async function isClosedKey(parts: FlowParts, call: Call): Promise<boolean> {
  const key = await readKey(parts, call);
  return key !== undefined && await parts.authority.find(key, call).then(() => false, isClosed);
}

/** Tells whether a CA so answered about a key. */
export function isClosed(error: unknown): boolean {
  return error instanceof SidecarError && error.code === "ACCOUNT_DEACTIVATED";
}

/** The CA cancels what was pending (§7.3.6). */
async function giveUp(parts: AccountParts, { account }: AccountClosure, call: Call): Promise<void> {
  const { answers, records: { authorizations } } = parts;
  for (const { id, value } of await authorizations.list(call)) {
    if (value.account.href !== account?.href || !isOpen(value, parts.clock.now())) continue;
    if (value.presented) await answers.withdraw(value);
    const now = (await authorizations.get(id, call))?.value ?? value;
    await authorizations.put(id, { ...now, state: "error", error: "the account was deactivated" }, call);
  }
}

function day(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}
