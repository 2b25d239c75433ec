import { AcmeProblemError, describe, InputError } from "../model/errors.ts";
import { isProblem } from "../model/problem.ts";
import type { AccountRecord } from "../model/records.ts";
import { ACCOUNT_KEY, orderKeyName } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import { accountId } from "../ledger/records.ts";
import type { AccountKey, AuthorityAccount, Call } from "../ports.ts";
import { generateAccountKey, importAccountKey } from "../x509/account_key.ts";
import { accountMissing, checkReplaceable } from "./account_missing.ts";
import type { FlowParts } from "./parts.ts";
import type { RegisterRequest } from "./service.ts";

/** The account that orders are placed with, and its key's thumbprint. */
export interface OpenAccount {
  readonly authority: AuthorityAccount;
  readonly thumbprint: string;
}

/**
 * Opens the account at the CA. Where nobody registered but the terms were agreed to by configuration, it registers.
 *
 * @throws {SidecarError} `ACCOUNT_MISSING` if there is none.
 */
export async function openAccount(parts: FlowParts, call: Call): Promise<OpenAccount> {
  const key = await readKey(parts, call);
  const record = key === undefined ? undefined : await findAccount(parts, key, call);
  if (key !== undefined && record !== undefined) {
    return { authority: parts.authority.as(record.url, key), thumbprint: key.thumbprint };
  }
  await checkReplaceable(parts, key, call);
  const { agreeTos, email } = parts.settings;
  if (!agreeTos) throw accountMissing();
  await registerUnattended(parts, { agreeTos, ...given("email", email) }, call);
  return await openAccount(parts, call);
}

/** A contact that the CA does not take must not cost the certificates: the account is made without, and that is told. */
async function registerUnattended(parts: FlowParts, request: RegisterRequest, call: Call): Promise<void> {
  try {
    await registerAccount(parts, request, call);
  } catch (error) {
    if (request.email === undefined || !isAbout(error, "invalidContact", "unsupportedContact")) throw error;
    const text = `The CA does not take ${request.email} as a contact, the account is made without: ${describe(error)}`;
    parts.events.emit({ level: "warn", name: "contact.refused", text });
    await registerAccount(parts, { agreeTos: request.agreeTos }, call);
  }
}

/**
 * Forgets the account and its orders if `error` says that the CA does not know it any more (accountDoesNotExist, RFC 8555
 * §6.7): the next attempt registers again. A deactivated account is another matter, and stays.
 */
export async function forgetLostAccount(parts: FlowParts, error: unknown, call: Call): Promise<void> {
  if (!isAbout(error, "accountDoesNotExist")) return;
  const { authority, records, vault, events } = parts;
  const id = accountId(authority.directory);
  const lost = (await records.accounts.get(id, call))?.value.url;
  if (lost === undefined) return;
  const orders = (await records.orders.list(call)).filter(({ value }) => value.account.href === lost.href);
  for (const { value } of orders) {
    await vault.remove(orderKeyName(value.id), call);
    await records.orders.remove(value.id, call);
  }
  await records.accounts.remove(id, call);
  const text = `${authority.directory.host} does not know the account ${lost} any more; it is made anew. ` +
    "CAA and dns-persist-01 records that name the old one have to be changed";
  events.emit({ level: "warn", name: "account.lost", text });
}

function isAbout(error: unknown, ...problems: readonly string[]): boolean {
  return error instanceof AcmeProblemError && isProblem(error.problem, ...problems);
}

/**
 * Registers with the CA (RFC 8555 §7.3). The key is in the vault before the request leaves; a key that is there already is
 * used, so that a second registration finds the same account.
 */
export async function registerAccount(parts: FlowParts, request: RegisterRequest, call: Call): Promise<AccountRecord> {
  const { authority, settings, records, clock, events } = parts;
  const key = await readKey(parts, call) ?? await makeKey(parts, call);
  const externalAccount = await settings.externalAccount?.();
  // A known account is found first: a CA may refuse a used-up external account binding (§7.3.1, §7.3.4).
  const known = await authority.find(key, call);
  const url = known ?? await authority.register(key, {
    contact: request.email === undefined ? [] : [`mailto:${request.email}`],
    termsOfServiceAgreed: request.agreeTos,
    ...given("externalAccount", externalAccount),
  }, call);
  const record: AccountRecord = {
    directory: authority.directory,
    url,
    thumbprint: key.thumbprint,
    ...given("email", request.email),
    createdAt: clock.now(),
  };
  await records.accounts.put(accountId(authority.directory), record, call);
  events.emit({ level: "info", name: "account.registered", text: `Account ${url} at ${authority.directory.host}` });
  return record;
}

/** The account's record, found at the CA where the ledger does not know it or the key was exchanged. */
async function findAccount(parts: FlowParts, key: AccountKey, call: Call): Promise<AccountRecord | undefined> {
  const { authority, records, clock } = parts;
  const id = accountId(authority.directory);
  const known = (await records.accounts.get(id, call))?.value;
  if (known?.thumbprint === key.thumbprint) return known;
  const url = await authority.find(key, call);
  if (url === undefined) return undefined;
  const record = { directory: authority.directory, url, thumbprint: key.thumbprint, createdAt: clock.now() };
  await records.accounts.put(id, record, call);
  return record;
}

/** The account key in the vault; undefined where there is none. */
export async function readKey({ vault }: FlowParts, call: Call): Promise<AccountKey | undefined> {
  const secret = await vault.read(ACCOUNT_KEY, call);
  if (secret === undefined) return undefined;
  return await importAccountKey(secret.value, ACCOUNT_KEY).catch((error: unknown) => {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(error.field, `${ACCOUNT_KEY}: ${error.message}`, error.todo, { cause: error.cause });
  });
}

async function makeKey({ vault }: FlowParts, call: Call): Promise<AccountKey> {
  const { key, pem } = await generateAccountKey();
  await vault.write([{ name: ACCOUNT_KEY, value: pem, ifVersion: 0 }], call);
  return key;
}
