import type { AccountChange, AccountClosure } from "../model/records.ts";
import { accountId } from "../ledger/records.ts";
import type { Call } from "../ports.ts";
import { type OpenAccount, readKey } from "./account.ts";
import { closeAccount, closureOf } from "./closure.ts";
import type { AccountParts } from "./parts.ts";

/** A deactivation that was announced. */
type Deactivation = AccountChange & { readonly change: "deactivation" };

/**
 * Deactivates the account at the CA, for ever (RFC 8555 §7.3.6). It is announced first, so that a restart knows who did it; a
 * request that did not arrive is not sent again by itself.
 */
export async function deactivate(parts: AccountParts, account: OpenAccount, call: Call): Promise<void> {
  const { url } = account.authority;
  const change: Deactivation = {
    change: "deactivation",
    account: url,
    thumbprint: account.thumbprint,
    at: parts.clock.now(),
  };
  await parts.records.changes.put(accountId(parts.authority.directory), change, call);
  try {
    await account.authority.deactivate(call);
  } catch (error) {
    if (await settleDeactivation(parts, change, call).catch(() => false)) return; // only the answer was lost
    throw error;
  }
  await close(parts, change, call);
}

/**
 * Finds out whether a deactivation that was announced took effect, and writes that down.
 *
 * @returns Whether the account is closed.
 */
export async function settleDeactivation(parts: AccountParts, change: Deactivation, call: Call): Promise<boolean> {
  const { authority, records, events } = parts;
  const key = await readKey(parts, call);
  const done = await closureOf(parts, call) !== undefined ||
    (key?.thumbprint === change.thumbprint &&
      (await authority.as(change.account, key).read(call)).status !== "valid");
  if (done) {
    await close(parts, change, call);
    return true;
  }
  await records.changes.remove(accountId(authority.directory), call);
  events.emit({
    level: "warn",
    name: "account.not_deactivated",
    text: `The account ${change.account} was to be deactivated, and was not; repeat the command if it still shall be`,
    fields: { account: change.account.href },
  });
  return false;
}

async function close(parts: AccountParts, { account, thumbprint, at }: Deactivation, call: Call): Promise<void> {
  const { directory } = parts.authority;
  const closure: AccountClosure = { directory, account, thumbprint, by: "command", at };
  await closeAccount(parts, closure, call);
  await parts.records.changes.remove(accountId(directory), call);
}
