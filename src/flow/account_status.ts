import { accountKeyType } from "../model/account_key.ts";
import { SidecarError } from "../model/errors.ts";
import { ACCOUNT_KEY } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import { accountId } from "../ledger/records.ts";
import type { Call } from "../ports.ts";
import { readKey } from "./account.ts";
import { accountMissing } from "./account_missing.ts";
import { closeAccount, closureBy, closureOf } from "./closure.ts";
import type { AccountParts } from "./parts.ts";
import type { AccountStatus } from "./service.ts";

/**
 * What is known of the account, and what the CA says of it now. One that is closed there is written down as closed; where the
 * CA does not answer, nothing is concluded.
 *
 * @throws {SidecarError} `ACCOUNT_MISSING` if there is none.
 */
export async function accountStatus(parts: AccountParts, call: Call): Promise<AccountStatus> {
  const { authority, records } = parts;
  const id = accountId(authority.directory);
  const record = (await records.accounts.get(id, call))?.value;
  const closure = await closureOf(parts, call);
  if (record === undefined && closure === undefined) throw accountMissing();
  const key = await readKey(parts, call);
  const known = {
    directory: authority.directory,
    ...given("record", record),
    ...given("keyType", key === undefined ? undefined : accountKeyType(key)),
    ...given("pending", (await records.changes.get(id, call))?.value.change),
  };
  if (closure !== undefined) return { ...known, state: "deactivated", closure };
  if (record === undefined || key?.thumbprint !== record.thumbprint) {
    const reason = `${ACCOUNT_KEY} is ${key === undefined ? "not in the vault" : "another key than the account's"}`;
    return { ...known, state: "unknown", reason };
  }
  try {
    const { status, contact } = await authority.as(record.url, key).read(call);
    if (status === "valid") return { ...known, state: "valid", contact };
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    return { ...known, state: "unknown", reason: error.message };
  }
  const found = await closeAccount(parts, closureBy(parts, "ca", key.thumbprint, record.url), call);
  return { ...known, state: "deactivated", closure: found };
}
