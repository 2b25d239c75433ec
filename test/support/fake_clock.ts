/**
 * A clock that only the test moves.
 *
 * @module
 */
import { setImmediate as turn } from "node:timers/promises";
import type { Call, Clock } from "../../src/ports.ts";

/** A {@linkcode Clock} that stands still until it is told otherwise; `random()` is always 0.5, the middle of every spread. */
export interface FakeClock extends Clock {
  /** How many sleep at the moment. */
  readonly sleeping: number;
  /** Lets `ms` pass: who is due wakes in order, each at its own time, and may sleep again within the span. */
  advance(ms: number): Promise<void>;
  /** Lets `ms` pass at once, as a process sees it that was stopped: who is due in between wakes late. */
  jump(ms: number): Promise<void>;
  /** Lets as much time pass as `work` needs: whenever nothing else happens, the next sleeper is woken. */
  run<T>(work: Promise<T>): Promise<T>;
}

interface Sleeper {
  readonly at: number;
  wake(): void;
}

/** Makes a {@linkcode FakeClock}. */
export function fakeClock(start: Date = new Date("2026-01-01T00:00:00Z")): FakeClock {
  let now = start.getTime();
  let sleepers: readonly Sleeper[] = []; // by time, then in order of arrival

  const wakeNext = (until: number): boolean => {
    const [first, ...rest] = sleepers;
    if (first === undefined || first.at > until) return false;
    sleepers = rest;
    now = Math.max(now, first.at);
    first.wake();
    return true;
  };

  const advanceTo = async (end: number): Promise<void> => {
    await settle();
    while (wakeNext(end)) await settle();
    now = Math.max(now, end);
  };

  return {
    now: () => new Date(now),
    random: () => 0.5,
    get sleeping(): number {
      return sleepers.length;
    },
    async sleep(ms: number, { signal }: Call): Promise<void> {
      signal.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const leave = (): void => {
          sleepers = sleepers.filter((it) => it !== sleeper);
          reject(signal.reason);
        };
        const wake = (): void => {
          signal.removeEventListener("abort", leave);
          resolve();
        };
        const sleeper = { at: now + Math.max(ms, 0), wake };
        signal.addEventListener("abort", leave, { once: true });
        sleepers = [...sleepers, sleeper].sort((a, b) => a.at - b.at);
      });
    },
    advance: (ms) => advanceTo(now + ms),
    jump: (ms) => advanceTo(now += ms),
    async run<T>(work: Promise<T>): Promise<T> {
      let open = true;
      const close = (): void => void (open = false);
      work.then(close, close);
      for (await settle(); open; await settle()) wakeNext(Infinity);
      return await work;
    },
  };
}

/** Enough turns of the event loop for what was woken to get to its next wait. */
async function settle(): Promise<void> {
  for (let i = 0; i < 8; i++) await turn();
}
