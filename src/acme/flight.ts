import type { Call } from "../ports.ts";

interface Flight<T> {
  readonly landed: Promise<T>;
  readonly stop: AbortController;
  waiting: number;
}

/** Makes `run` one run for all who ask while it goes on. It is ended early only when the last of them has left. */
export function sharedFlight<T>(run: (call: Call) => Promise<T>): (call: Call) => Promise<T> {
  let current: Flight<T> | undefined;
  return async ({ signal }) => {
    signal.throwIfAborted();
    const flight = current ??= start(run);
    flight.waiting++;
    try {
      return await abortable(flight.landed, signal);
    } finally {
      if (--flight.waiting === 0) {
        if (current === flight) current = undefined;
        flight.stop.abort();
      }
    }
  };
}

function start<T>(run: (call: Call) => Promise<T>): Flight<T> {
  const stop = new AbortController();
  const landed = run({ signal: stop.signal });
  landed.catch(() => {}); // whoever waited for it may have left
  return { landed, stop, waiting: 0 };
}

async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: left, reject } = Promise.withResolvers<never>();
  const leave = (): void => reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await Promise.race([work, left]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
