import type { Call } from "../ports.ts";

/**
 * One flight a thing: who asks for what is already under way joins it. A caller who goes away only stops waiting; the work
 * itself ends with `lifetime`.
 */
export interface Flights {
  /** Joins the flight of that name, or starts it with `work`. */
  join<T>(name: string, work: (call: Call) => Promise<T>, call: Call): Promise<T>;
  /** Resolves when nothing is under way any more. */
  landed(): Promise<void>;
}

/** Makes {@linkcode Flights} that live as long as the signal. */
export function flights(lifetime: AbortSignal): Flights {
  const underWay = new Map<string, Promise<unknown>>();
  const begin = <T>(name: string, work: (call: Call) => Promise<T>): Promise<T> => {
    const flight = work({ signal: lifetime }).finally(() => underWay.delete(name));
    flight.catch(() => {}); // whoever waits hears of it; where all went away, the flow's events have told
    underWay.set(name, flight);
    return flight;
  };
  return {
    join<T>(name: string, work: (call: Call) => Promise<T>, call: Call): Promise<T> {
      const flight = underWay.get(name) as Promise<T> | undefined ?? begin(name, work);
      return abortable(flight, call.signal);
    },
    async landed(): Promise<void> {
      while (underWay.size > 0) await Promise.allSettled(underWay.values());
    },
  };
}

/** Waits for `work`, or rejects with the signal's reason; the work goes on. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  return promise;
}
