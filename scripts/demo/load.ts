/**
 * Visitors who keep coming: new connections at a steady rate, whether or not the earlier ones were answered.
 *
 * @module
 */
import { describe } from "../../src/model/errors.ts";
import type { Call } from "../../src/ports.ts";
import { NO_REQUESTS, type Tally, withAnswer, withFailure } from "./tally.ts";
import { type Site, visit } from "./visit.ts";

/** New connections in a second: enough to meet every moment of a swap, few enough to leave the machine alone. */
export const PER_SECOND = 40;

/** On Ctrl-C a terminal ends all programs at once: what fails that shortly before we hear of it is no failure. */
const GRACE_MS = 300;

/** The load while it runs. Disposing stops it. */
export interface Load extends AsyncDisposable {
  /** All requests that are decided. */
  readonly tally: Tally;
  readonly seconds: number;
  /** Counts the next requests, none of which has begun yet. */
  next(count: number, call: Call): Promise<Tally>;
  /** Begins no more, and waits for those under way. */
  stop(): Promise<void>;
}

/** Begins to send visitors to the names in turn. Once the signal aborts, failures no longer count. */
export function startLoad(site: Site, names: readonly [string, ...string[]], { signal }: Call): Load {
  const begin = performance.now();
  const underWay = new Set<Promise<void>>();
  const samples = new Set<Sample>();
  let tally = NO_REQUESTS;
  let begun = 0;
  let end: number | undefined;

  const count = (change: (tally: Tally) => Tally, number: number): void => {
    tally = change(tally);
    for (const sample of samples) if (number >= sample.from) sample.add(change);
  };
  const send = async (number: number): Promise<void> => {
    const name = names[number % names.length] ?? names[0];
    try {
      const found = await visit(site, name);
      count((it) => withAnswer(it, found), number);
    } catch (error) {
      if (await aborted(signal, GRACE_MS)) return;
      count((it) => withFailure(it, `${name}: ${describe(error)}`), number);
    }
  };
  const timer = setInterval(() => {
    const sent = send(begun++).finally(() => underWay.delete(sent));
    underWay.add(sent);
  }, 1_000 / PER_SECOND);

  const load: Load = {
    get tally(): Tally {
      return tally;
    },
    get seconds(): number {
      return ((end ?? performance.now()) - begin) / 1_000;
    },
    async next(wanted: number, call: Call): Promise<Tally> {
      call.signal.throwIfAborted();
      const sample = newSample(begun, wanted);
      const onAbort = (): void => sample.reject(call.signal.reason);
      call.signal.addEventListener("abort", onAbort, { once: true });
      samples.add(sample);
      try {
        return await sample.full;
      } finally {
        samples.delete(sample);
        call.signal.removeEventListener("abort", onAbort);
      }
    },
    async stop(): Promise<void> {
      clearInterval(timer);
      end ??= performance.now();
      await Promise.all(underWay);
    },
    [Symbol.asyncDispose]: () => load.stop(),
  };
  return load;
}

interface Sample {
  /** Number of the first request that counts. */
  readonly from: number;
  readonly full: Promise<Tally>;
  add(change: (tally: Tally) => Tally): void;
  reject(reason: unknown): void;
}

function newSample(from: number, wanted: number): Sample {
  const { promise: full, resolve, reject } = Promise.withResolvers<Tally>();
  let tally = NO_REQUESTS;
  const add = (change: (tally: Tally) => Tally): void => {
    tally = change(tally);
    if (tally.made >= wanted) resolve(tally);
  };
  return { from, full, add, reject };
}

/** Waits, and tells whether it was aborted meanwhile. */
async function aborted(signal: AbortSignal, ms: number): Promise<boolean> {
  if (signal.aborted) return true;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const onAbort = (): void => resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", onAbort);
  return signal.aborted;
}
