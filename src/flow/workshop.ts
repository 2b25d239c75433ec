import type { Call } from "../ports.ts";
import type { OpenAccount } from "./account.ts";
import { type AccountDesk, accountDesk } from "./account_desk.ts";
import type { Answers } from "./answers.ts";
import { type Flights, flights } from "./flights.ts";
import type { FlowParts } from "./parts.ts";
import type { ProofParts } from "./proof.ts";
import { type Swaps, swaps } from "./swaps.ts";
import { type Turns, turns } from "./turns.ts";

/** What all works on certificates share, so that what is about the same names happens once and in turn. */
export interface Workshop {
  /** The ports and what the operator decided. */
  readonly parts: FlowParts;
  /** The answers to challenges that are up. */
  readonly answers: Answers;
  /** Who asks for what is under way joins it. */
  readonly flights: Flights;
  /** What must not happen at the same time. */
  readonly turns: Turns;
  /** The account. */
  readonly desk: AccountDesk;
  /** The balancers. */
  readonly swaps: Swaps;
}

/** Makes the {@linkcode Workshop} of a sidecar, whose work ends with `lifetime`. */
export function workshop(parts: FlowParts, answers: Answers, lifetime: AbortSignal): Workshop {
  const inTurn = turns();
  return {
    parts,
    answers,
    flights: flights(lifetime),
    turns: inTurn,
    desk: accountDesk(parts, answers, inTurn),
    swaps: swaps(parts, inTurn),
  };
}

/** Opens the account, once for all who want it at this moment. */
export function accountOf({ flights, desk }: Workshop, call: Call): Promise<OpenAccount> {
  return flights.join("account", (own) => desk.open(own), call);
}

/** What names are proven with. */
export async function proofOf(shop: Workshop, call: Call): Promise<ProofParts> {
  const { parts, answers } = shop;
  return { ...parts, account: await accountOf(shop, call), answers };
}

/** Works with the account while nothing about it is changed. */
export function working<T>(
  { parts, answers, desk }: Workshop,
  work: (proof: ProofParts) => Promise<T>,
  call: Call,
): Promise<T> {
  return desk.work((account) => work({ ...parts, account, answers }), call);
}
