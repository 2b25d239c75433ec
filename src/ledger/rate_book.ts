import type { RateDemand } from "../model/rate_demand.ts";
import type { Refusal } from "../model/rate_text.ts";
import {
  adopt,
  type Bucket,
  emptyUntil,
  fullBucket,
  nextAt,
  type RateLimit,
  release,
  reserve,
  settle,
  used,
} from "../model/rates.ts";
import type { RateRecord } from "../model/records.ts";
import type { Call, Clock } from "../ports.ts";
import type { RateEntries } from "./rate_entries.ts";
import { rateId } from "./records.ts";

/** A request that was let through. One of the two has to be called when its answer is in. */
export interface Admission {
  /** The CA has counted it, or may have. */
  counted(call: Call): Promise<void>;
  /** The CA has refused it, and so not counted it. */
  uncounted(call: Call): Promise<void>;
}

/** Keeps the buckets. */
export interface RateBook {
  /** Which bucket holds the asker back for longest; undefined where none does. Gives it a turn behind those who wait. */
  refusal(demands: readonly RateDemand[], asker: string): Refusal | undefined;
  /** Lets the request through, whatever the buckets say; what it takes is on disk when it resolves. */
  admit(demands: readonly RateDemand[], asker: string, call: Call): Promise<Admission>;
  /** Tells whether somebody has a turn to come at one of the buckets. */
  isAwaited(demands: readonly RateDemand[]): boolean;
  /** The CA has said that these buckets have no token before `until`. */
  learn(demands: readonly Pick<RateDemand, "limit" | "key">[], until: Date, call: Call): Promise<void>;
  /** Forgets buckets that are full again, and turns that were. */
  sweep(call: Call): Promise<void>;
}

/** Who waits for a bucket, and when each is to come again: not all at once. */
interface Line {
  readonly turns: Map<string, number>;
  last: number;
}

/** Makes the {@linkcode RateBook} of one CA; the entries have to be loaded before each use. */
export function rateBook(entries: RateEntries, directory: URL, clock: Clock): RateBook {
  const holds = new Map<string, number>();
  const lines = new Map<string, Line>();

  const idOf = ({ limit, key }: Pick<RateDemand, "limit" | "key">): string =>
    rateId(directory, "bucket", limit.name, key);

  const bucketAt = (id: string, now: Date): Bucket => {
    const record = entries.get(id);
    return record?.kind === "bucket" ? record : fullBucket(now);
  };

  const put = (id: string, { fullAt, pending }: Bucket, call: Call): Promise<void> =>
    entries.put(id, { kind: "bucket", fullAt, pending }, call);

  const turnOf = (id: string, limit: RateDemand["limit"], asker: string, freeAt: Date, now: Date): Date => {
    const line = lines.get(id) ?? { turns: new Map<string, number>(), last: 0 };
    lines.set(id, line);
    const had = line.turns.get(asker);
    if (had !== undefined && had > now.getTime()) return new Date(Math.max(had, freeAt.getTime()));
    // Whose turn was taken by another does not go to the end again.
    const turn = had === undefined ? Math.max(freeAt.getTime(), line.last + limit.refillMs) : freeAt.getTime();
    line.turns.set(asker, turn);
    line.last = Math.max(line.last, turn);
    return new Date(turn);
  };

  /** Memory is right at once; a write that fails leaves the disk with a pending request, which a restart counts. */
  const ended = async (
    demands: readonly RateDemand[],
    taken: (bucket: Bucket, demand: RateDemand, now: Date) => Bucket,
    call: Call,
  ): Promise<void> => {
    const now = clock.now();
    const writes = demands.flatMap((demand) => {
      const id = idOf(demand);
      if (demand.want === "hold") add(holds, id, -1);
      if (demand.want !== "take" && demand.want !== "count") return [];
      return [put(id, taken(bucketAt(id, now), demand, now), call)];
    });
    await Promise.allSettled(writes);
  };

  return {
    refusal(demands, asker): Refusal | undefined {
      const now = clock.now();
      const refusals = demands.flatMap((demand): Refusal[] => {
        if (demand.want === "count") return [];
        const id = idOf(demand);
        const known = bucketAt(id, now);
        const bucket = { ...known, pending: known.pending + (holds.get(id) ?? 0) };
        const freeAt = nextAt(bucket, demand.limit, now);
        if (freeAt <= now) return [];
        const turnAt = turnOf(id, demand.limit, asker, freeAt, now);
        return [{ demand, used: used(bucket, demand.limit, now), freeAt, turnAt }];
      });
      return refusals.sort((a, b) => b.turnAt.getTime() - a.turnAt.getTime())[0];
    },
    async admit(demands, asker, call): Promise<Admission> {
      const now = clock.now();
      const writes = demands.flatMap((demand) => {
        const id = idOf(demand);
        lines.get(id)?.turns.delete(asker);
        if (demand.want === "hold") add(holds, id, 1);
        if (demand.want !== "take") return [];
        return [put(id, reserve(bucketAt(id, now)), call)];
      });
      const admission: Admission = {
        counted: (call) =>
          ended(demands, (it, { limit, want }, at) => settle(want === "count" ? reserve(it) : it, limit, at), call),
        uncounted: (call) => ended(demands, (it, { want }) => want === "count" ? it : release(it), call),
      };
      try {
        await Promise.all(writes);
      } catch (error) {
        await admission.uncounted(call); // what cannot be written down is not asked
        throw error;
      }
      return admission;
    },
    isAwaited(demands): boolean {
      const now = clock.now().getTime();
      return demands.some((demand) => (lines.get(idOf(demand))?.last ?? 0) > now);
    },
    async learn(demands, until, call): Promise<void> {
      const now = clock.now();
      await Promise.all(demands.map((demand) => {
        const id = idOf(demand);
        return put(id, emptyUntil(bucketAt(id, now), demand.limit, until, now), call);
      }));
    },
    async sweep(call): Promise<void> {
      const now = clock.now();
      for (const [id, { turns }] of lines) {
        for (const [asker, turn] of turns) if (turn <= now.getTime()) turns.delete(asker);
        if (turns.size === 0) lines.delete(id);
      }
      await entries.sweep((it) => it.kind === "bucket" && it.fullAt <= now && it.pending === 0, call);
    },
  };
}

/**
 * What an earlier process left, to be taken over: it let requests through and did not see their answers, so each is counted.
 *
 * @returns A function for {@linkcode rateEntries}.
 */
export function takenOver(
  limits: readonly RateLimit[],
  directory: URL,
  clock: Clock,
): (id: string, record: RateRecord) => RateRecord {
  return (id, record) => {
    if (record.kind !== "bucket" || record.pending === 0) return record;
    const limit = limits.find((it) => id.startsWith(`${rateId(directory, "bucket", it.name)}/`));
    // A limit that is none any more.
    if (limit === undefined) return { ...record, pending: 0 };
    return { kind: "bucket", ...adopt(record, limit, clock.now()) };
  };
}

function add(counts: Map<string, number>, id: string, change: number): void {
  const count = (counts.get(id) ?? 0) + change;
  if (count > 0) counts.set(id, count);
  else counts.delete(id);
}
