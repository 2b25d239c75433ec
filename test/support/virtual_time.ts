/**
 * Time that passes as fast as the work allows: the next sleeper wakes when nobody else has anything to do.
 *
 * @module
 */
import { setImmediate as turn } from "node:timers/promises";
import type { Call, Clock } from "../../src/ports.ts";

/** A clock for simulations with thousands of sleepers. */
export interface VirtualTime extends Clock {
  /** Lets time pass until nobody sleeps any more, or until then. */
  run(until?: Date): Promise<void>;
}

interface Sleeper {
  readonly at: number;
  wake(): void;
}

/** Makes {@linkcode VirtualTime}; all that is left to chance follows from `random`. */
export function virtualTime(start: Date, random: () => number): VirtualTime {
  let now = start.getTime();
  const heap: Sleeper[] = []; // a binary heap by time

  const sleep = (ms: number, { signal }: Call): Promise<void> => {
    if (signal.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (): void => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    push(heap, {
      at: now + Math.max(0, ms),
      wake(): void {
        signal.removeEventListener("abort", leave);
        resolve();
      },
    });
    return promise;
  };

  return {
    now: () => new Date(now),
    random,
    sleep,
    async run(until = new Date(8.64e15)): Promise<void> {
      await turn();
      for (let next = heap[0]; next !== undefined && next.at <= until.getTime(); next = heap[0]) {
        pop(heap);
        now = Math.max(now, next.at);
        next.wake();
        await turn(); // every promise that follows from it has been settled then
      }
    },
  };
}

function push(heap: Sleeper[], sleeper: Sleeper): void {
  let i = heap.push(sleeper) - 1;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (heap[parent]!.at <= heap[i]!.at) return;
    [heap[parent], heap[i]] = [heap[i]!, heap[parent]!];
    i = parent;
  }
}

function pop(heap: Sleeper[]): void {
  const last = heap.pop()!;
  if (heap.length === 0) return;
  heap[0] = last;
  for (let i = 0;;) {
    const [left, right] = [2 * i + 1, 2 * i + 2];
    let least = i;
    if (left < heap.length && heap[left]!.at < heap[least]!.at) least = left;
    if (right < heap.length && heap[right]!.at < heap[least]!.at) least = right;
    if (least === i) return;
    [heap[least], heap[i]] = [heap[i]!, heap[least]!];
    i = least;
  }
}
