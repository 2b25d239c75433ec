import { refusalWait } from "../model/backoff.ts";
import type { SidecarError } from "../model/errors.ts";
import type { RateDemand } from "../model/rate_demand.ts";
import type { Scope } from "../model/rate_scope.ts";
import { PACE } from "../model/rate_text.ts";
import type { RateLimit } from "../model/rates.ts";
import type { RateWait } from "../model/records.ts";
import { given } from "../model/shape.ts";
import type { Call, Clock } from "../ports.ts";
import type { RateEntries } from "./rate_entries.ts";
import { rateId } from "./records.ts";

/** Keeps what the CA asked us to wait for. It binds whatever else is allowed (RFC 8555 §6.6, RFC 9110 §10.2.3). */
export interface WaitBook {
  /** The longest wait that binds requests of these scopes. */
  find(scopes: readonly Scope[]): RateWait | undefined;
  /** How slowly requests of these scopes are to be sent, after a refusal by a limit that we do not know. */
  paces(scopes: readonly Scope[]): readonly RateDemand[];
  /**
   * Notes a refusal; without a time of its own it binds for a time that doubles with each in a row. On disk when it resolves.
   *
   * @param paced Afterwards the CA is asked slowly.
   */
  note(error: SidecarError, scopes: readonly Scope[], paced: boolean, call: Call): Promise<RateWait>;
  /** A request of these scopes succeeded: refusals that are over are forgotten. */
  forget(scopes: readonly Scope[], call: Call): Promise<void>;
  /** Forgets what was over a day ago. */
  sweep(call: Call): Promise<void>;
}

const DAY = 86_400_000;

/** A time that was meant for everything, as an hour of maintenance, is no pace. */
const PACES_MS = { least: 1_000, most: 60_000 };

function pace({ endpoint, per, key }: Scope, refillMs: number): RateDemand {
  const limit: RateLimit = { name: PACE, counts: "order", per, capacity: 1, refillMs, exempt: [] };
  return { limit, key: `${endpoint} ${per} ${key}`, want: "take" };
}

/** Makes the {@linkcode WaitBook} of one CA; the entries have to be loaded before each use. */
export function waitBook(entries: RateEntries, directory: URL, clock: Clock): WaitBook {
  const idOf = ({ endpoint, per, key }: Scope): string => rateId(directory, "wait", endpoint, per, key);
  const waitAt = (scope: Scope): RateWait | undefined => {
    const record = entries.get(idOf(scope));
    return record?.kind === "wait" ? record : undefined;
  };

  return {
    find(scopes): RateWait | undefined {
      const now = clock.now();
      const binding = scopes.flatMap((scope) => waitAt(scope) ?? []).filter((it) => it.until > now);
      return binding.sort((a, b) => b.until.getTime() - a.until.getTime())[0];
    },
    paces: (scopes) =>
      scopes.flatMap((scope): RateDemand[] => {
        const paceMs = waitAt(scope)?.paceMs;
        return paceMs === undefined ? [] : [pace(scope, paceMs)];
      }),
    async note(error, scopes, paced, call): Promise<RateWait> {
      const now = clock.now();
      const known = scopes.flatMap((scope) => waitAt(scope) ?? []);
      // Several were under way when the first was refused: that is one refusal.
      const before = Math.max(0, ...known.map((it) => it.until > now ? it.refusals - 1 : it.refusals));
      const stated = error.retryAt !== undefined && error.retryAt.getTime() - now.getTime() >= 1_000;
      const until = stated ? error.retryAt : new Date(now.getTime() + refusalWait(before + 1, error.status === 503));
      const longest = Math.max(until.getTime(), ...known.map((it) => it.until.getTime()));
      // What a token bucket names is the time until one token is back: that is its pace.
      const paceMs = Math.min(Math.max(longest - now.getTime(), PACES_MS.least), PACES_MS.most);
      const wait: RateWait = {
        until: new Date(longest),
        why: error.message,
        stated,
        refusals: before + 1,
        ...given("paceMs", paced ? paceMs : undefined),
      };
      await Promise.all(scopes.map((scope) => entries.put(idOf(scope), { kind: "wait", ...wait }, call)));
      return wait;
    },
    async forget(scopes, call): Promise<void> {
      const now = clock.now();
      // One that still binds was learned after the successful request was sent.
      const over = scopes.filter((scope) => {
        const wait = waitAt(scope);
        return wait !== undefined && wait.until <= now;
      });
      await Promise.all(over.map((scope) => entries.remove(idOf(scope), call)));
    },
    async sweep(call): Promise<void> {
      const yesterday = clock.now().getTime() - DAY;
      await entries.sweep((it) => it.kind === "wait" && it.until.getTime() < yesterday, call);
    },
  };
}
