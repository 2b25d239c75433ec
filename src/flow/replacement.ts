import { SidecarError } from "../model/errors.ts";
import type { AccountClosure, AccountRecord } from "../model/records.ts";
import { ACCOUNT_KEY, orderKeyName } from "../model/secret_name.ts";
import { accountId } from "../ledger/records.ts";
import type { Call } from "../ports.ts";
import { generateAccountKey } from "../x509/account_key.ts";
import { readKey, registerAccount } from "./account.ts";
import { closeAccount, closedError, closureBy, closureOf, isClosed } from "./closure.ts";
import type { AccountParts, FlowParts } from "./parts.ts";
import type { RegisterRequest } from "./service.ts";

/**
 * Goes on with another account that a person put in the closed one's place: its key is in the vault, and the CA knows it.
 *
 * @throws {SidecarError} `ACCOUNT_DEACTIVATED` if there is no such account; none is made.
 */
export async function reopenAccount(parts: FlowParts, closure: AccountClosure, call: Call): Promise<void> {
  const { authority, records, clock } = parts;
  const key = await readKey(parts, call);
  if (key === undefined || key.thumbprint === closure.thumbprint) throw closedError(closure);
  const url = await authority.find(key, call).catch((error) => {
    throw isClosed(error) ? closedError(closure, error) : error;
  });
  if (url === undefined) throw closedError(closure);
  const record = { directory: authority.directory, url, thumbprint: key.thumbprint, createdAt: clock.now() };
  await records.accounts.put(accountId(authority.directory), record, call);
  await forgetClosed(parts, closure, call);
}

/**
 * The closed account that another one may be made in place of; undefined where there never was one. The ledger may not know yet
 * that it is closed: then the CA is asked.
 *
 * @throws {SidecarError} `CONFLICT` if the account works.
 */
export async function replaceable(parts: AccountParts, call: Call): Promise<AccountClosure | undefined> {
  const { authority, records } = parts;
  const closure = await closureOf(parts, call);
  const record = (await records.accounts.get(accountId(authority.directory), call))?.value;
  const key = await readKey(parts, call);
  if (closure !== undefined || record === undefined || key?.thumbprint !== record.thumbprint) return closure;
  if ((await authority.as(record.url, key).read(call)).status !== "valid") {
    return await closeAccount(parts, closureBy(parts, "ca", key.thumbprint, record.url), call);
  }
  throw new SidecarError("CONFLICT", `The account ${record.url} works: there is nothing to replace`, {
    field: "account",
    todo: "give it another key with kontena certificate account rollover, or end it with " +
      "kontena certificate account deactivate",
  });
}

/**
 * Makes another account in place of the closed one, with a key of its own: the former one stays as an earlier version. Repeated
 * after a restart it goes on with the key that it made.
 */
export async function replaceAccount(
  parts: FlowParts,
  closure: AccountClosure,
  request: RegisterRequest,
  call: Call,
): Promise<AccountRecord> {
  const { vault } = parts;
  const secret = await vault.read(ACCOUNT_KEY, call);
  const key = await readKey(parts, call);
  if (secret !== undefined && key?.thumbprint === closure.thumbprint) {
    const { pem } = await generateAccountKey();
    await vault.write([{ name: ACCOUNT_KEY, value: pem, ifVersion: secret.version }], call);
  }
  const record = await registerAccount(parts, request, call);
  await forgetClosed(parts, closure, call);
  return record;
}

/** Orders of the closed account come to nothing, and what failed because of it need not rest any longer. */
async function forgetClosed(
  { authority, records, vault }: FlowParts,
  closure: AccountClosure,
  call: Call,
): Promise<void> {
  for (const { value } of await records.orders.list(call)) {
    if (value.account.href !== closure.account?.href) continue;
    await vault.remove(orderKeyName(value.id), call);
    await records.orders.remove(value.id, call);
  }
  for (const { id, value } of await records.attempts.list(call)) {
    if (value.lastCode === "ACCOUNT_DEACTIVATED") await records.attempts.remove(id, call);
  }
  await records.closures.remove(accountId(authority.directory), call);
}
