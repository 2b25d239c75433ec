import { type RolloverStep, rolloverStep } from "../model/account_change.ts";
import { AcmeProblemError, KeyTakenError, SidecarError } from "../model/errors.ts";
import { keyAuthorization } from "../model/key_authorization.ts";
import { isProblem } from "../model/problem.ts";
import type { AccountChange, AccountRecord, AuthorizationRecord } from "../model/records.ts";
import { ACCOUNT_KEY, NEXT_ACCOUNT_KEY, type VaultName } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import { accountId } from "../ledger/records.ts";
import type { AccountKey, Call, Secret } from "../ports.ts";
import { generateAccountKey, importAccountKey } from "../x509/account_key.ts";
import type { OpenAccount } from "./account.ts";
import { isOpen } from "./answers.ts";
import { isClosed } from "./closure.ts";
import type { AccountParts } from "./parts.ts";

/** A rollover that was announced. */
type Rollover = AccountChange & { readonly change: "rollover" };

/**
 * Gives the account another key (RFC 8555 §7.3.5), in two phases. First the new key is sealed in the vault and the change is
 * announced in the ledger; once the CA has carried it out, the new key takes the place of the former, which stays as an
 * earlier version. Whatever interrupts it, {@linkcode settleRollover} finds out which key counts.
 *
 * Answers to challenges hold the thumbprint of the key. The CA looks for the one of the key that the account has then, so
 * what it was told about must be decided first, and what it was not told about is made anew.
 *
 * @throws {SidecarError} `CONFLICT` if a challenge is being decided; nothing was changed then.
 */
export async function rollOver(parts: AccountParts, account: OpenAccount, call: Call): Promise<void> {
  await checkDecided(parts, account.authority.url, call);
  const key = await nextKey(parts, account, call);
  const change: Rollover = {
    change: "rollover",
    account: account.authority.url,
    from: account.thumbprint,
    to: key.thumbprint,
    at: parts.clock.now(),
  };
  await parts.records.changes.put(accountId(parts.authority.directory), change, call);
  try {
    await account.authority.changeKey(key, call);
  } catch (error) {
    if (await carriedOut(parts, change, error, call)) return; // only the answer was lost
    throw error;
  }
  await goOn(parts, change, "promote", call);
}

/** Finishes or forgets a rollover that was announced, by which key the CA knows; sends nothing where that is clear. */
export async function settleRollover(parts: AccountParts, change: Rollover, call: Call): Promise<RolloverStep> {
  const { current, next } = await readKeys(parts, call);
  const known = {
    ...given("current", current?.key.thumbprint),
    ...given("next", next?.key.thumbprint),
  };
  let step = rolloverStep(change, known);
  if (step === "ask" && current !== undefined && next !== undefined) {
    const owner = await ownerOf(parts, change, { former: current.key, next: next.key }, call);
    step = rolloverStep(change, { ...known, owner });
  }
  await goOn(parts, change, step, call);
  return step;
}

/**
 * Looks for a rollover that nobody knows of: the ledger was lost, or a request arrived after it was given up. The vault still
 * has the key then.
 *
 * @returns Whether the account of the sealed key was found, and is ours again.
 */
export async function findLostRollover(parts: AccountParts, account: URL | undefined, call: Call): Promise<boolean> {
  const { current, next } = await readKeys(parts, call);
  if (current === undefined || next === undefined || current.key.thumbprint === next.key.thumbprint) return false;
  if (account === undefined && await parts.authority.find(current.key, call) !== undefined) return false;
  const url = await parts.authority.find(next.key, call);
  if (url === undefined || (account !== undefined && url.href !== account.href)) return false;
  const [from, to] = [current.key.thumbprint, next.key.thumbprint];
  const change: Rollover = { change: "rollover", account: url, from, to, at: parts.clock.now() };
  await parts.records.changes.put(accountId(parts.authority.directory), change, call);
  await goOn(parts, change, "promote", call);
  return true;
}

/** A challenge that the CA was told about is decided with the key before, or not at all. */
async function checkDecided({ records, clock }: AccountParts, account: URL, call: Call): Promise<void> {
  const all = (await records.authorizations.list(call)).map((entry) => entry.value);
  const asked = all.filter((it) =>
    it.account.href === account.href && it.state === "requested" && isOpen(it, clock.now())
  );
  if (asked.length === 0) return;
  const names = asked.map((it) => it.name);
  throw new SidecarError("CONFLICT", `Cannot change the account's key: the CA is looking at ${names.join(", ")}`, {
    field: "account",
    todo: `repeat it when that is decided; else run kontena certificate get ${names[0]}, or ` +
      `kontena certificate domain-authorization remove ${names[0]}`,
  });
}

/** The key to change to, sealed: one that a former attempt left, for the CA may have heard of it; else a new one. */
async function nextKey(parts: AccountParts, { thumbprint }: OpenAccount, call: Call): Promise<AccountKey> {
  const left = await readKept(parts, NEXT_ACCOUNT_KEY, call);
  if (left !== undefined && left.key.thumbprint !== thumbprint) return left.key;
  const { key, pem } = await generateAccountKey();
  await parts.vault.write([{ name: NEXT_ACCOUNT_KEY, value: pem, ifVersion: left?.secret.version ?? 0 }], call);
  return key;
}

/** After a failure: whether the CA has changed the key all the same. What cannot be found out now is, at the next start. */
async function carriedOut(parts: AccountParts, change: Rollover, error: unknown, call: Call): Promise<boolean> {
  if (error instanceof KeyTakenError && error.account?.href !== change.account.href) {
    await goOn(parts, change, "discard", call);
    return false;
  }
  try {
    const step = await settleRollover(parts, change, call);
    // A key that the CA does not like is not offered again.
    if (step === "undo" && error instanceof AcmeProblemError && isProblem(error.problem, "badPublicKey")) {
      await parts.vault.remove(NEXT_ACCOUNT_KEY, call);
    }
    return step === "promote" || step === "finish";
  } catch {
    return false; // the first failure says more
  }
}

/** Whose the new key is. That it is nobody's counts only where the former one is still known, or the account is no more. */
async function ownerOf(
  parts: AccountParts,
  { account }: Rollover,
  keys: { readonly former: AccountKey; readonly next: AccountKey },
  call: Call,
): Promise<"this" | "other" | "nobody"> {
  const find = (key: AccountKey): Promise<URL | undefined> =>
    parts.authority.find(key, call).catch((error) => {
      if (isClosed(error)) return account; // it was closed with this key
      throw error;
    });
  const url = await find(keys.next);
  if (url !== undefined) return url.href === account.href ? "this" : "other";
  if (await find(keys.former) !== undefined || await isGone(parts, account, keys.former, call)) return "nobody";
  throw new SidecarError("CA_ANSWER", `Neither the key before nor the new one opens the account ${account}`, {
    field: "account",
    todo: "it is asked again; if that goes on, ask the CA's operator",
  });
}

async function isGone({ authority }: AccountParts, account: URL, key: AccountKey, call: Call): Promise<boolean> {
  return await authority.as(account, key).read(call).then(
    () => false,
    (error) => error instanceof AcmeProblemError && isProblem(error.problem, "accountDoesNotExist"),
  );
}

/** Each line is one write, and each may be the last one before a restart: what was done already is done again. */
async function goOn(parts: AccountParts, change: Rollover, step: RolloverStep, call: Call): Promise<void> {
  const { authority, vault, records, events } = parts;
  const id = accountId(authority.directory);
  if (step === "promote") await promote(parts, call);
  if (step === "promote" || step === "finish") {
    await records.accounts.put(id, await changedRecord(parts, change, call), call);
    await remake(parts, change, call);
    await vault.remove(NEXT_ACCOUNT_KEY, call);
  }
  if (step === "discard") await vault.remove(NEXT_ACCOUNT_KEY, call);
  await records.changes.remove(id, call);
  events.emit({ ...TOLD[step], fields: { account: change.account.href, from: change.from, to: change.to } });
}

const DONE = {
  level: "info",
  name: "account.key_changed",
  text: "The account has another key; the one before is an earlier version of LE_PRIVATE_KEY",
} as const;
const NOT_DONE = "The account keeps its key: ";
const UNDONE = { level: "warn", name: "account.key_kept" } as const;

const TOLD = {
  promote: DONE,
  finish: DONE,
  ask: { ...UNDONE, text: `${NOT_DONE}the CA was not asked` },
  undo: { ...UNDONE, text: `${NOT_DONE}the CA did not change it` },
  discard: { ...UNDONE, text: `${NOT_DONE}the new one is another account's, and is thrown away` },
  drop: { ...UNDONE, text: `${NOT_DONE}the vault does not have both keys any more` },
} as const satisfies Record<RolloverStep, unknown>;

/** The key before becomes an earlier version by this very write. */
async function promote(parts: AccountParts, call: Call): Promise<void> {
  const { current, next } = await readKeys(parts, call);
  if (current === undefined || next === undefined) throw new TypeError("there is no key to promote");
  await parts.vault.write([{ name: ACCOUNT_KEY, value: next.secret.value, ifVersion: current.secret.version }], call);
}

async function changedRecord(
  { authority, records, clock }: AccountParts,
  change: Rollover,
  call: Call,
): Promise<AccountRecord> {
  const { directory } = authority;
  const now = (await records.accounts.get(accountId(directory), call))?.value;
  const { account: url, to: thumbprint } = change;
  return now?.url.href === url.href ? { ...now, thumbprint } : { directory, url, thumbprint, createdAt: clock.now() };
}

/** Answers that the CA was not told about are made with the new key; those that were up are put up again. */
async function remake(parts: AccountParts, { account, to }: Rollover, call: Call): Promise<void> {
  const { records: { authorizations }, answers, clock, events } = parts;
  for (const { id, value } of await authorizations.list(call)) {
    if (value.account.href !== account.href || !isOpen(value, clock.now())) continue;
    const made = keyAuthorization(value.token, to);
    if (value.token === "" || value.keyAuthorization === made) continue;
    const fresh: AuthorizationRecord = { ...value, keyAuthorization: made };
    await authorizations.put(id, fresh, call);
    const text = `The answer to ${value.type} for ${value.name} is another one with the new account key`;
    events.emit({
      level: "info",
      name: "authorization.remade",
      text,
      fields: { domain: value.name, type: value.type },
    });
    // It takes the former one's place. One that cannot be put up now is put up by the command that needs it.
    if (value.presented) await answers.present(fresh, call).catch(() => {});
  }
}

/** A key and how it is kept. */
interface KeptKey {
  readonly secret: Secret;
  readonly key: AccountKey;
}

async function readKeys(
  parts: AccountParts,
  call: Call,
): Promise<{ readonly current?: KeptKey; readonly next?: KeptKey }> {
  return {
    ...given("current", await readKept(parts, ACCOUNT_KEY, call)),
    ...given("next", await readKept(parts, NEXT_ACCOUNT_KEY, call)),
  };
}

async function readKept({ vault }: AccountParts, name: VaultName, call: Call): Promise<KeptKey | undefined> {
  const secret = await vault.read(name, call);
  return secret === undefined ? undefined : { secret, key: await importAccountKey(secret.value, name) };
}
