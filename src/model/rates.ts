/**
 * The CA's limits as token buckets. The arithmetic is that of GCRA: all of a bucket's past is one instant, the one at which it
 * will be full again, so nothing has to tick and nothing is rounded.
 *
 * @module
 */

/** What a limit counts. */
export type Counted = "account" | "order" | "certificate" | "failure";

/** Who shares a bucket: everybody at our address, one account, one registered domain, one exact set of names, one name. */
export type Per = "address" | "account" | "domain" | "names" | "name";

/** Why an order may be free of a limit: it names its predecessor (RFC 9773 §5), or had a certificate for the same names. */
export type Renewal = "replaces" | "same names";

/** One limit: a bucket of `capacity` tokens that gets one back every `refillMs`. */
export interface RateLimit {
  /** Short and stable: it stands in the ledger, in events and in metrics. */
  readonly name: string;
  /** What takes a token. */
  readonly counts: Counted;
  /** Which requests share a bucket. */
  readonly per: Per;
  /** Tokens of a full bucket. */
  readonly capacity: number;
  /** Milliseconds until one token is back. */
  readonly refillMs: number;
  /** Renewals that it does not hold back. */
  readonly exempt: readonly Renewal[];
}

/** What is known of one bucket. */
export interface Bucket {
  /** When it will be full again, as far as the CA's answers are in; in the past: it is full. */
  readonly fullAt: Date;
  /** Requests that were let through and whose answer is not in: each may take a token at any moment. */
  readonly pending: number;
}

/** The part of a limit that the arithmetic needs. */
export type Rate = Pick<RateLimit, "capacity" | "refillMs">;

/** The bucket that nobody has taken from. */
export function fullBucket(now: Date): Bucket {
  return { fullAt: now, pending: 0 };
}

/**
 * The bucket as it is now: never fuller than full, never emptier than empty. The second undoes a clock that stood in the
 * future for a while.
 */
export function refill(bucket: Bucket, rate: Rate, now: Date): Bucket {
  const least = now.getTime();
  const most = least + rate.capacity * rate.refillMs;
  return { ...bucket, fullAt: new Date(Math.min(Math.max(bucket.fullAt.getTime(), least), most)) };
}

/** Tokens that are taken, those of pending requests too. */
export function used(bucket: Bucket, rate: Rate, now: Date): number {
  const { fullAt, pending } = refill(bucket, rate, now);
  return Math.min(rate.capacity, Math.ceil((fullAt.getTime() - now.getTime()) / rate.refillMs) + pending);
}

/**
 * The first instant at which one more request may be sent: now, where a token is free. All pending requests are reckoned as
 * taking their tokens as late as that, which is the worst that can happen at the CA.
 */
export function nextAt(bucket: Bucket, rate: Rate, now: Date): Date {
  const { fullAt, pending } = refill(bucket, rate, now);
  const at = fullAt.getTime() + (pending + 1 - rate.capacity) * rate.refillMs;
  return new Date(Math.max(at, now.getTime()));
}

/** Takes a token at once; undefined where none is free. */
export function spend(bucket: Bucket, rate: Rate, now: Date): Bucket | undefined {
  return nextAt(bucket, rate, now) > now ? undefined : settle(reserve(bucket), rate, now);
}

/** Lets a request through, whose answer has to be told by {@linkcode settle} or {@linkcode release}. */
export function reserve(bucket: Bucket): Bucket {
  return { ...bucket, pending: bucket.pending + 1 };
}

/**
 * The CA has counted a pending request, at the latest now. Counting it at the moment of its answer, not of its question, keeps
 * our bucket at least as empty as the CA's however slow the way is.
 */
export function settle(bucket: Bucket, rate: Rate, now: Date): Bucket {
  const { fullAt } = refill(bucket, rate, now);
  return refill(
    { fullAt: new Date(fullAt.getTime() + rate.refillMs), pending: Math.max(0, bucket.pending - 1) },
    rate,
    now,
  );
}

/** The CA has refused a pending request, and so not counted it. */
export function release(bucket: Bucket): Bucket {
  return { ...bucket, pending: Math.max(0, bucket.pending - 1) };
}

/** Counts all pending requests: nobody waits for their answers any more, because the process ended in between. */
export function adopt(bucket: Bucket, rate: Rate, now: Date): Bucket {
  let adopted = refill(bucket, rate, now);
  for (let left = Math.min(bucket.pending, rate.capacity); left > 0; left--) adopted = settle(adopted, rate, now);
  return { ...adopted, pending: 0 };
}

/** The CA has said that no token is free before `until`: the bucket is at least as empty as that. */
export function emptyUntil(bucket: Bucket, rate: Rate, until: Date, now: Date): Bucket {
  const fullAt = until.getTime() + (rate.capacity - 1) * rate.refillMs;
  return refill({ ...bucket, fullAt: new Date(Math.max(fullAt, bucket.fullAt.getTime())) }, rate, now);
}
