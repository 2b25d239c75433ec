import { SidecarError } from "../model/errors.ts";
import { ACCOUNT_KEY } from "../model/secret_name.ts";
import { accountId } from "../ledger/records.ts";
import type { AccountKey, Call } from "../ports.ts";
import type { FlowParts } from "./parts.ts";

/** The error of everything that needs an account where nobody has registered. */
export function accountMissing(): SidecarError {
  return new SidecarError("ACCOUNT_MISSING", "Let's Encrypt registration missing", {
    field: "le_registration",
    todo: "run kontena certificate register you@example.com, or set ACME_AGREE_TOS=true",
  });
}

/**
 * An account that there is does not get another one in its place because its key was mislaid: that takes a person.
 *
 * @param key The vault's, which does not open the account.
 * @throws {SidecarError} `ACCOUNT_MISSING` if the ledger knows an account.
 */
export async function checkReplaceable(
  { authority, records }: FlowParts,
  key: AccountKey | undefined,
  call: Call,
): Promise<void> {
  const known = (await records.accounts.get(accountId(authority.directory), call))?.value;
  if (known === undefined) return;
  const found = key === undefined ? "is not in the vault" : "is not its key, nor that of any account there";
  throw new SidecarError("ACCOUNT_MISSING", `Cannot use the account ${known.url}: ${ACCOUNT_KEY} ${found}`, {
    field: "account",
    todo: `put its key back with kontena vault write ${ACCOUNT_KEY}, or make another account with ` +
      "kontena certificate register you@example.com",
  });
}
