import { AcmeProblemError } from "../model/errors.ts";
import { isProblem } from "../model/problem.ts";
import type { AccountRecord } from "../model/records.ts";
import { accountId } from "../ledger/records.ts";
import type { Call } from "../ports.ts";
import { type OpenAccount, openAccount, readKey, registerAccount } from "./account.ts";
import { accountMissing } from "./account_missing.ts";
import { accountStatus } from "./account_status.ts";
import type { Answers } from "./answers.ts";
import { closeAccount, closedError, closureBy, closureOf, explainRefusal, isClosed } from "./closure.ts";
import { deactivate, settleDeactivation } from "./deactivation.ts";
import { type Gate, gate } from "./gate.ts";
import type { AccountParts, FlowParts } from "./parts.ts";
import { reopenAccount, replaceable, replaceAccount } from "./replacement.ts";
import { findLostRollover, rollOver, settleRollover } from "./rollover.ts";
import type { AccountStatus, RegisterRequest } from "./service.ts";
import type { Turns } from "./turns.ts";

/**
 * The account and everything that happens to it. Works of the account go side by side; a change of it waits for them, and they
 * for it. What a restart left half done is settled before anything else, so that no work meets a key that counts no more.
 */
export interface AccountDesk {
  /** Opens the account, as {@linkcode openAccount}; `ACCOUNT_DEACTIVATED` where it is closed. */
  open(call: Call): Promise<OpenAccount>;
  /** Works with the account. Must not be called from inside such a work. */
  work<T>(work: (account: OpenAccount) => Promise<T>, call: Call): Promise<T>;
  /** Makes the account, or finds the one of the vault's key. */
  register(request: RegisterRequest, call: Call): Promise<AccountRecord>;
  /** What is known of the account here, and what the CA says. */
  status(call: Call): Promise<AccountStatus>;
  /** Puts another contact in place. */
  update(email: string, call: Call): Promise<AccountStatus>;
  /** Gives the account another key. */
  rollOver(call: Call): Promise<AccountStatus>;
  /** Deactivates the account for ever. */
  deactivate(call: Call): Promise<AccountStatus>;
}

/** Makes the {@linkcode AccountDesk}. */
export function accountDesk(flow: FlowParts, answers: Answers, turns: Turns): AccountDesk {
  return new Desk({ ...flow, answers }, turns);
}

class Desk implements AccountDesk {
  readonly #parts: AccountParts;
  readonly #turns: Turns;
  readonly #door: Gate = gate();

  constructor(parts: AccountParts, turns: Turns) {
    this.#parts = parts;
    this.#turns = turns;
  }

  open(call: Call): Promise<OpenAccount> {
    return this.#inTurn(() => this.#open(call), call);
  }

  work<T>(work: (account: OpenAccount) => Promise<T>, call: Call): Promise<T> {
    return this.#door.together(async () => {
      const account = await this.open(call);
      try {
        return await work(account);
      } catch (error) {
        throw await this.#inTurn(() => this.#explain(account, error, call), call);
      }
    }, call);
  }

  register(request: RegisterRequest, call: Call): Promise<AccountRecord> {
    const parts = this.#parts;
    return this.#inTurn(async () => {
      const closure = request.newAccount === true ? await replaceable(parts, call) : undefined;
      if (closure !== undefined) return await this.#noticing(() => replaceAccount(parts, closure, request, call), call);
      await this.#settle(call);
      return await this.#noticing(() => registerAccount(parts, request, call), call);
    }, call);
  }

  status(call: Call): Promise<AccountStatus> {
    return this.#inTurn(() => accountStatus(this.#parts, call), call);
  }

  update(email: string, call: Call): Promise<AccountStatus> {
    return this.#alone((account) => this.#update(account, email, call), call);
  }

  rollOver(call: Call): Promise<AccountStatus> {
    return this.#alone((account) => rollOver(this.#parts, account, call), call);
  }

  deactivate(call: Call): Promise<AccountStatus> {
    return this.#alone((account) => deactivate(this.#parts, account, call), call);
  }

  /** A change of the account: after what is under way, and only of one that there is. */
  #alone(work: (account: OpenAccount) => Promise<void>, call: Call): Promise<AccountStatus> {
    return this.#door.alone(() =>
      this.#inTurn(async () => {
        if (await this.#record(call) === undefined && await readKey(this.#parts, call) === undefined) {
          throw accountMissing(); // to change an account does not make one
        }
        const account = await this.#open(call);
        try {
          await work(account);
        } catch (error) {
          throw await explainRefusal(this.#parts, account, error, call);
        }
        return await accountStatus(this.#parts, call);
      }, call), call);
  }

  async #open(call: Call): Promise<OpenAccount> {
    await this.#settle(call);
    return await this.#noticing(() => openAccount(this.#parts, call), call);
  }

  /** What was announced and not finished; then a closure, unless somebody put the key of another account in place. */
  async #settle(call: Call): Promise<void> {
    const parts = this.#parts;
    const change = (await parts.records.changes.get(accountId(parts.authority.directory), call))?.value;
    if (change?.change === "rollover") await settleRollover(parts, change, call);
    if (change?.change === "deactivation") await settleDeactivation(parts, change, call);
    const closure = await closureOf(parts, call);
    if (closure !== undefined) return await reopenAccount(parts, closure, call);
    if (change === undefined && await this.#record(call) === undefined) {
      await findLostRollover(parts, undefined, call);
    }
  }

  /** A key whose account is closed at the CA is noticed where it is looked for. */
  async #noticing<T>(work: () => Promise<T>, call: Call): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const key = isClosed(error) ? await readKey(this.#parts, call) : undefined;
      if (key === undefined) throw error;
      const account = await this.#record(call);
      const known = account?.thumbprint === key.thumbprint ? account.url : undefined;
      const closure = closureBy(this.#parts, "ca", key.thumbprint, known);
      throw closedError(await closeAccount(this.#parts, closure, call), error);
    }
  }

  async #explain(account: OpenAccount, error: unknown, call: Call): Promise<unknown> {
    // A signature that does not fit may be of a key that counts no more: its change arrived after it was given up.
    if (error instanceof AcmeProblemError && isProblem(error.problem, "malformed", "unauthorized")) {
      await findLostRollover(this.#parts, account.authority.url, call).catch(() => {});
    }
    return await explainRefusal(this.#parts, account, error, call);
  }

  async #update({ authority: account }: OpenAccount, email: string, call: Call): Promise<void> {
    const { authority, records, events } = this.#parts;
    await account.update({ contact: [`mailto:${email}`] }, call);
    const record = await this.#record(call);
    if (record !== undefined) await records.accounts.put(accountId(authority.directory), { ...record, email }, call);
    events.emit({
      level: "info",
      name: "account.updated",
      text: `The contact of the account ${account.url} is another one`,
      fields: { account: account.url.href },
    });
  }

  async #record(call: Call): Promise<AccountRecord | undefined> {
    const { authority, records } = this.#parts;
    return (await records.accounts.get(accountId(authority.directory), call))?.value;
  }

  #inTurn<T>(work: () => Promise<T>, call: Call): Promise<T> {
    return this.#turns.take("account", work, call);
  }
}
