/**
 * What tests of the account share: a sidecar that has registered, and what must be true of its account whatever happened.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { accountId } from "../../src/ledger/records.ts";
import type { AccountChange, AccountClosure } from "../../src/model/records.ts";
import { ACCOUNT_KEY, NEXT_ACCOUNT_KEY } from "../../src/model/secret_name.ts";
import type { Vault } from "../../src/ports.ts";
import { importAccountKey } from "../../src/x509/account_key.ts";
import { lifeOf } from "./dying.ts";
import { CALL } from "./fakes.ts";
import { type Harness, harness, type HarnessOptions } from "./flow_harness.ts";

/** A sidecar that has registered. */
export async function registered(options: HarnessOptions = {}): Promise<Harness> {
  const made = await harness(options);
  await made.service.register({ agreeTos: true, email: "you@example.com" }, CALL);
  return made;
}

/** The thumbprints of the keys in the vault. */
export async function keysOf(
  vault: Vault,
): Promise<{ readonly current: string | undefined; readonly next: string | undefined; readonly earlier: string[] }> {
  const thumbprint = async (pem: string): Promise<string> => (await importAccountKey(pem)).thumbprint;
  const [current, next] = [await vault.read(ACCOUNT_KEY, CALL), await vault.read(NEXT_ACCOUNT_KEY, CALL)];
  return {
    current: current && await thumbprint(current.value),
    next: next && await thumbprint(next.value),
    earlier: await Promise.all((await vault.history(ACCOUNT_KEY, CALL)).map(({ value }) => thumbprint(value))),
  };
}

/** What the ledger says beside the account itself. */
export async function notesOf(
  { records, authority }: Harness,
): Promise<{ readonly change: AccountChange | undefined; readonly closure: AccountClosure | undefined }> {
  const id = accountId(authority.directory);
  return {
    change: (await records.changes.get(id, CALL))?.value,
    closure: (await records.closures.get(id, CALL))?.value,
  };
}

/** Holds after a rollover, whatever interrupted it: the account that there was, and the vault's key opens it. */
export async function checkAccount(world: Harness, accounts = 1): Promise<string> {
  const { authority, records, vault } = world;
  assertEquals(authority.accounts.size, accounts, "another account was made");
  const record = (await records.accounts.get(accountId(authority.directory), CALL))?.value;
  const { current } = await keysOf(vault);
  assert(record !== undefined && current !== undefined);
  assertEquals(record.thumbprint, current);
  assertEquals(authority.accounts.get(record.url.href)?.thumbprint, current, "the vault's key is not the account's");
  assertEquals((await notesOf(world)).change, undefined);
  return current;
}

/**
 * Lets a process do `deed` and die after each number of writes in turn, starts another one each time, and hands that to
 * `check`. The processes begin where `prepare` ends.
 *
 * @returns How many writes the deed takes.
 */
export async function dyingAtEachWrite(
  prepare: () => Promise<Harness>,
  deed: (world: Harness) => Promise<unknown>,
  check: (after: Harness, writes: number) => Promise<void>,
): Promise<number> {
  for (let writes = 0;; writes++) {
    const before = await prepare();
    const life = lifeOf(writes);
    const dying = await before.restart({ ledger: life.ledger, vault: life.vault });
    const ended = await deed(dying).then(() => true, () => false);
    await dying.service.landed();
    await check(await before.restart(), writes);
    if (ended && life.writes() < writes) return life.writes();
    assert(writes < 40, "the deed does not end");
  }
}
