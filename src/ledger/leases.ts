import { SidecarError } from "../model/errors.ts";
import type { Call, Clock, Lease } from "../ports.ts";

/** Grants leases inside one process: the store below belongs to it alone. */
export interface Leases {
  /** Duty of `Ledger.lease`; who waits gets it in order of arrival. */
  take(name: string, ttlMs: number, call: Call): Promise<Lease>;
  /** All leases are lost, and nobody waits any more. */
  close(): void;
}

interface Waiting {
  enter(): void;
  refuse(reason: unknown): void;
}

/**
 * Makes {@linkcode Leases}.
 *
 * A living holder keeps its lease by looking at the clock thrice in `ttlMs`. One that could not look for longer, because the
 * process was stopped, must not believe that it is alone: its lease is lost, as in a ledger that others share.
 *
 * @param clock Tells how long the holder was away.
 * @param nextToken The fencing token of the next grant: grows with each one, also over restarts.
 */
export function leases(clock: Clock, nextToken: (name: string) => number): Leases {
  const lines = new Map<string, Waiting[]>(); // a name that is held → who waits for it
  const held = new Set<(reason: unknown) => void>();
  const closed = new AbortController();

  const leave = (name: string): void => {
    const next = lines.get(name)?.shift();
    if (next === undefined) lines.delete(name);
    else next.enter();
  };

  const grant = (name: string, ttlMs: number): Lease => {
    const token = nextToken(name);
    const lost = new AbortController();
    const given = new AbortController();
    const giveUp = (): void => {
      if (given.signal.aborted) return;
      given.abort();
      held.delete(lose);
      leave(name);
    };
    const lose = (reason: unknown): void => {
      lost.abort(reason); // before the next one enters
      giveUp();
    };
    held.add(lose);
    const watch = lateness(clock, ttlMs, given.signal).then((late) => late && lose(lostBySilence(name, ttlMs)));
    const dispose = async (): Promise<void> => {
      giveUp();
      await watch;
    };
    return { token, signal: lost.signal, [Symbol.asyncDispose]: dispose };
  };

  return {
    async take(name: string, ttlMs: number, { signal }: Call): Promise<Lease> {
      if (!(ttlMs > 0)) throw new RangeError(`Cannot lease ${name} for ${ttlMs} ms`);
      signal.throwIfAborted();
      const line = lines.get(name);
      if (line === undefined) lines.set(name, []);
      else await turn(line, signal);
      try {
        closed.signal.throwIfAborted();
        return grant(name, ttlMs);
      } catch (error) {
        leave(name);
        throw error;
      }
    },
    close(): void {
      const reason = new SidecarError("VAULT_UNAVAILABLE", "The ledger was closed", { field: "ledger" });
      closed.abort(reason);
      for (const line of lines.values()) for (const waiting of line.splice(0)) waiting.refuse(reason);
      for (const lose of [...held]) lose(reason);
    },
  };
}

/** Waits in the line until the holder hands the lease over. */
function turn(line: Waiting[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => signal.removeEventListener("abort", leave);
    const leave = (): void => {
      line.splice(line.indexOf(waiting), 1);
      done();
      reject(signal.reason);
    };
    const waiting = { enter: () => (done(), resolve()), refuse: (reason: unknown) => (done(), reject(reason)) };
    line.push(waiting);
    signal.addEventListener("abort", leave);
  });
}

/** True once the clock ran on for longer than `ttlMs` without a look at it; false when the lease was given up before. */
async function lateness(clock: Clock, ttlMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    for (let seen = clock.now().getTime();;) {
      await clock.sleep(ttlMs / 3, { signal });
      const now = clock.now().getTime();
      if (now - seen > ttlMs) return true;
      seen = now;
    }
  } catch {
    return !signal.aborted; // a clock that fails cannot keep a lease
  }
}

function lostBySilence(name: string, ttlMs: number): SidecarError {
  return new SidecarError("CONFLICT", `The lease ${name} was lost: its holder was stopped for more than ${ttlMs} ms`, {
    field: "lease",
    todo: "nothing: the work is begun again",
  });
}
