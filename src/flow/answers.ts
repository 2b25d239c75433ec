import type { AuthorizationRecord } from "../model/records.ts";
import { given } from "../model/shape.ts";
import { describe } from "../model/errors.ts";
import { authorizationId } from "../ledger/records.ts";
import type { Call, ChallengeAnswer, Presented } from "../ports.ts";
import type { FlowParts } from "./parts.ts";

/**
 * The answers to challenges that are up. An answer stays up until the CA has decided, also while no command runs and over a
 * restart: the record says that it is up before it is.
 */
export interface Answers extends AsyncDisposable {
  /** Presents the record's answer; quick and idempotent. */
  present(record: AuthorizationRecord, call: Call): Promise<void>;
  /** Resolves once the answer was seen on the way that the CA will take. */
  settled(record: AuthorizationRecord, call: Call): Promise<void>;
  /** Takes it down and notes that; a failure is told and tried again at the next start. */
  withdraw(record: AuthorizationRecord): Promise<void>;
  /** After a restart: presents what is still asked for, takes down what is not. */
  restore(call: Call): Promise<void>;
  /** Takes down what nobody asks for any more: decided before a crash, or expired. */
  tidy(call: Call): Promise<void>;
}

/** How long taking one answer down may take; clean-up never inherits the signal that ended the work. */
const CLEAN_UP_MS = 10_000;

/** Makes the {@linkcode Answers} of an account at its CA. */
export function presentedAnswers(parts: FlowParts): Answers {
  const { solvers, records, clock, events } = parts;
  const up = new Map<string, Presented>();

  const onTheWay = new Map<string, Promise<Presented>>();

  /** One presentation of an answer at a time: each may show another certificate, and only the last one is seen. */
  const solve = (record: AuthorizationRecord, call: Call): Promise<Presented> => {
    const { token } = record;
    const flight = onTheWay.get(token) ?? begin(record, call).finally(() => onTheWay.delete(token));
    onTheWay.set(token, flight);
    return flight;
  };

  const begin = async (record: AuthorizationRecord, call: Call): Promise<Presented> => {
    const solver = solvers.get(record.type);
    if (solver === undefined) throw new RangeError(`Cannot answer ${record.type}: there is no solver`);
    const answer = await solver.present(answerOf(record), call);
    up.set(record.token, answer);
    return answer;
  };

  const note = async (record: AuthorizationRecord, presented: boolean, call: Call): Promise<void> => {
    const id = recordId(record);
    const now = (await records.authorizations.get(id, call))?.value ?? record;
    // A newer authorization may have taken the record's place in the meantime: then there is nothing to note.
    if (now.token !== record.token || now.presented === presented) return;
    await records.authorizations.put(id, { ...now, presented }, call);
  };

  const presented = async (call: Call): Promise<readonly AuthorizationRecord[]> =>
    (await records.authorizations.list(call)).map((entry) => entry.value).filter((record) => record.presented);

  const answers: Answers = {
    async present(record: AuthorizationRecord, call: Call): Promise<void> {
      await note(record, true, call);
      await solve(record, call);
    },
    async settled(record: AuthorizationRecord, call: Call): Promise<void> {
      const answer = up.get(record.token) ?? await solve(record, call);
      try {
        await answer.settled(call);
      } catch (error) {
        const now = up.get(record.token);
        if (now === undefined || now === answer) throw error;
        await now.settled(call); // it was put up again meanwhile, and the former one is not to be seen any more
      }
    },
    async withdraw(record: AuthorizationRecord): Promise<void> {
      const call = { signal: AbortSignal.timeout(CLEAN_UP_MS) };
      try {
        await (up.get(record.token) ?? await solve(record, call))[Symbol.asyncDispose]();
        up.delete(record.token);
        await note(record, false, call);
      } catch (error) {
        const text = `Cannot take down the ${record.type} answer for ${record.name}: ${describe(error)}`;
        events.emit({ level: "warn", name: "challenge.left", text });
      }
    },
    async restore(call: Call): Promise<void> {
      await answers.tidy(call);
      await Promise.all((await presented(call)).map(async (record) => {
        try {
          if (!up.has(record.token)) await solve(record, call); // else a command was faster
        } catch (error) {
          const text = `Cannot present the ${record.type} answer for ${record.name} again: ${describe(error)}`;
          events.emit({ level: "warn", name: "challenge.absent", text });
        }
      }));
    },
    async tidy(call: Call): Promise<void> {
      const over = (await presented(call)).filter((record) => !isOpen(record, clock.now()));
      await Promise.all(over.map((record) => answers.withdraw(record)));
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.allSettled([...up.values()].map((answer) => answer[Symbol.asyncDispose]()));
      up.clear();
    },
  };
  return answers;
}

/** Tells whether the CA may still ask for the record's answer. */
export function isOpen(record: AuthorizationRecord, now: Date): boolean {
  const undecided = record.state === "created" || record.state === "requested";
  return undecided && (record.expires === undefined || record.expires > now);
}

/** What a solver needs of the record. */
export function answerOf(record: AuthorizationRecord): ChallengeAnswer {
  const { type, name, token, keyAuthorization, balancer } = record;
  return { type, name, token, keyAuthorization, ...given("balancer", balancer) };
}

/** The record's place in the ledger. */
export function recordId(record: AuthorizationRecord): string {
  return authorizationId(record);
}
