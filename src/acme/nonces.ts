/**
 * The nonces that the CA gave out (RFC 8555 §6.5). Each is used once, and each answer brings the next.
 *
 * So as many requests can be under way as there are nonces in circulation, and a request that finds none does not fetch one
 * but waits for the answer to another: a hundred parallel requests would else cost a hundred fetches more. The circulation
 * only grows, by a fetch, up to four, and by one more for each fifty requests that had to wait. So an order for a hundred
 * names costs at most two per cent more requests, and a process that orders much soon works at full speed.
 *
 * @module
 */
import type { Call, Clock } from "../ports.ts";
import { NONCE_MS } from "./limits.ts";

/** A nonce for one request. To be disposed when that request is over, with or without an answer. */
export interface NonceTurn extends Disposable {
  readonly nonce: string;
}

/** Hands nonces out. */
export interface Nonces {
  /** Waits for a nonce; the newest first. */
  take(call: Call): Promise<NonceTurn>;
  /** Keeps a nonce that an answer brought. */
  keep(nonce: string): void;
}

const CIRCULATION = { least: 4, most: 32, waitsForOneMore: 50 } as const;

/** After a fetch that failed, only what is needed is fetched, nothing to go faster. */
const MODEST_MS = 60_000;

interface Kept {
  readonly nonce: string;
  readonly until: number;
}

interface Waiter {
  serve(nonce: string): void;
  fail(error: unknown): void;
}

/** Fetches that belong together: all are given up when nobody needs them anymore. */
interface Round {
  readonly stop: AbortController;
  fetching: number;
}

/** Makes {@linkcode Nonces}. */
export function noncePool(fetchNonce: (call: Call) => Promise<string>, clock: Clock): Nonces {
  let kept: readonly Kept[] = [];
  let waiters: readonly Waiter[] = [];
  let round: Round = { stop: new AbortController(), fetching: 0 };
  let underWay = 0; // requests that have a nonce and will bring one
  let modestUntil = 0;
  let waits = 0; // requests that found none, since nonces were last dropped

  async function take({ signal }: Call): Promise<NonceTurn> {
    signal.throwIfAborted();
    dropOld();
    const newest = kept.at(-1);
    if (newest === undefined) return await wait(signal);
    kept = kept.slice(0, -1);
    return turn(newest.nonce);
  }

  function dropOld(): void {
    const now = clock.now().getTime();
    const good = kept.filter((it) => now < it.until);
    if (good.length < kept.length) waits = 0; // what was fetched is lost: it is not all fetched again in one go
    kept = good;
  }

  function keep(nonce: string): void {
    const [first, ...rest] = waiters;
    if (first === undefined) {
      kept = [...kept, { nonce, until: clock.now().getTime() + NONCE_MS }];
    } else {
      waiters = rest;
      first.serve(nonce);
    }
  }

  function turn(nonce: string): NonceTurn {
    let over = false;
    underWay++;
    return {
      nonce,
      [Symbol.dispose](): void {
        if (!over) underWay--;
        over = true;
        tidy();
      },
    };
  }

  function wait(signal: AbortSignal): Promise<NonceTurn> {
    return new Promise((resolve, reject) => {
      const settled = (): void => signal.removeEventListener("abort", leave);
      const waiter: Waiter = {
        serve(nonce): void {
          settled();
          resolve(turn(nonce));
        },
        fail(error): void {
          settled();
          reject(error);
        },
      };
      const leave = (): void => {
        waiters = waiters.filter((it) => it !== waiter);
        reject(signal.reason);
        tidy();
      };
      signal.addEventListener("abort", leave, { once: true });
      waiters = [...waiters, waiter];
      waits++;
      fetchMore();
    });
  }

  /** Something ended: perhaps nothing is left that would bring a nonce, or nobody who needs one. */
  function tidy(): void {
    fetchMore();
    if (waiters.length > 0 || underWay > 0) return;
    round.stop.abort();
    round = { stop: new AbortController(), fetching: 0 };
  }

  function fetchMore(): void {
    while (waiters.length > round.fetching && underWay + round.fetching < wanted()) void fetchOne(round);
  }

  function wanted(): number {
    const { least, most, waitsForOneMore } = CIRCULATION;
    if (clock.now().getTime() < modestUntil) return 1;
    return Math.min(most, Math.max(least, Math.floor(waits / waitsForOneMore)));
  }

  async function fetchOne(mine: Round): Promise<void> {
    mine.fetching++;
    try {
      const nonce = await fetchNonce({ signal: mine.stop.signal });
      mine.fetching--;
      keep(nonce);
    } catch (error) {
      mine.fetching--;
      if (mine === round) modestUntil = clock.now().getTime() + MODEST_MS;
      if (mine === round && underWay + mine.fetching === 0) failAll(error);
    }
  }

  /** All of them, not the first: the others would only ask the same again. */
  function failAll(error: unknown): void {
    const all = waiters;
    waiters = [];
    for (const waiter of all) waiter.fail(error);
  }

  return { take, keep };
}
