import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  adopt,
  type Bucket,
  emptyUntil,
  fullBucket,
  nextAt,
  type Rate,
  refill,
  release,
  reserve,
  settle,
  spend,
  used,
} from "../../../src/model/rates.ts";

const START = Date.UTC(2026, 5, 1);
const SEEDED = { seed: 20260601, numRuns: 300 } as const;
const RATE: Rate = { capacity: 3, refillMs: 10_000 };

function at(seconds: number): Date {
  return new Date(START + seconds * 1_000);
}

function taken(count: number, seconds = 0): Bucket {
  let bucket = fullBucket(at(seconds));
  for (let i = 0; i < count; i++) bucket = spend(bucket, RATE, at(seconds))!;
  return bucket;
}

/** A token bucket written another way: credit in milliseconds that grows with time. */
function reference({ capacity, refillMs }: Rate, start: number): { take(now: number): boolean } {
  let credit = capacity * refillMs;
  let seen = start;
  return {
    take(now: number): boolean {
      credit = Math.min(capacity * refillMs, credit + now - seen);
      seen = now;
      if (credit < refillMs) return false;
      credit -= refillMs;
      return true;
    },
  };
}

const rate = fc.record({ capacity: fc.integer({ min: 1, max: 8 }), refillMs: fc.integer({ min: 1, max: 5_000 }) });

Deno.test("spend() takes as many tokens as there are, then refuses until one is back", () => {
  const empty = taken(3);
  assertEquals(spend(empty, RATE, at(0)), undefined);
  assertEquals(nextAt(empty, RATE, at(0)), at(10));
  assertEquals(spend(empty, RATE, at(9.999)), undefined);
  assert(spend(empty, RATE, at(10)) !== undefined);
});

Deno.test("nextAt() is now while a token is free", () => {
  assertEquals(nextAt(taken(2), RATE, at(1)), at(1));
});

Deno.test("used() counts taken tokens and pending requests", () => {
  assertEquals(used(taken(2), RATE, at(0)), 2);
  assertEquals(used(reserve(taken(2)), RATE, at(0)), 3);
  assertEquals(used(taken(2), RATE, at(10)), 1);
  assertEquals(used(taken(2), RATE, at(999)), 0);
});

Deno.test("release() gives a token back, settle() keeps it", () => {
  const two = taken(2);
  assertEquals(release(reserve(two)), two);
  assertEquals(nextAt(settle(reserve(two), RATE, at(0)), RATE, at(0)), at(10));
});

Deno.test("refill() makes a clock that was set back wait no longer than an empty bucket does", () => {
  const future = taken(3, 1_000_000);
  assertEquals(nextAt(future, RATE, at(0)), at(10));
  assertEquals(refill(future, RATE, at(0)).fullAt, at(30));
});

Deno.test("adopt() counts what an earlier process was waiting for as taken now", () => {
  const left = reserve(reserve(reserve(fullBucket(at(0)))));
  const adopted = adopt(left, RATE, at(100));
  assertEquals(adopted, { fullAt: at(130), pending: 0 });
  assertEquals(nextAt(adopted, RATE, at(100)), at(110));
});

Deno.test("emptyUntil() believes the CA that there is no token before then, and one then", () => {
  const learned = emptyUntil(fullBucket(at(0)), RATE, at(7), at(0));
  assertEquals(nextAt(learned, RATE, at(0)), at(7));
  const next = spend(learned, RATE, at(7))!;
  assertEquals(nextAt(next, RATE, at(7)), at(17));
});

Deno.test("spend() lets exactly those through that a token bucket of credit lets through", () => {
  fc.assert(
    fc.property(rate, fc.array(fc.nat({ max: 6_000 }), { maxLength: 60 }), (rate, waits) => {
      const other = reference(rate, START);
      let now = START;
      let bucket = fullBucket(new Date(now));
      for (const wait of waits) {
        now += wait;
        const next = spend(bucket, rate, new Date(now));
        assertEquals(next !== undefined, other.take(now));
        if (next === undefined) assert(nextAt(bucket, rate, new Date(now)).getTime() > now);
        bucket = next ?? bucket;
      }
    }),
    SEEDED,
  );
});

Deno.test("nextAt() is the first instant at which spend() succeeds", () => {
  fc.assert(
    fc.property(rate, fc.array(fc.nat({ max: 4_000 }), { maxLength: 30 }), (rate, waits) => {
      let now = START;
      let bucket = fullBucket(new Date(now));
      for (const wait of waits) {
        now += wait;
        const free = nextAt(bucket, rate, new Date(now));
        assert(free.getTime() === now || spend(bucket, rate, new Date(free.getTime() - 1)) === undefined);
        assert(spend(bucket, rate, free) !== undefined);
        bucket = spend(bucket, rate, new Date(now)) ?? bucket;
      }
    }),
    SEEDED,
  );
});

/** A request: when it is sent, how long it takes to the CA and back, and whether our process dies before the answer. */
const request = fc.record({
  wait: fc.nat({ max: 3_000 }),
  there: fc.nat({ max: 4_000 }),
  back: fc.nat({ max: 4_000 }),
  dies: fc.nat({ max: 19 }).map((it) => it === 0),
});

Deno.test("a request that our bucket lets through is never one too many at the CA, however slow the way and often we die", () => {
  fc.assert(
    fc.property(rate, fc.array(request, { maxLength: 60 }), (rate, requests) => {
      const ca = reference(rate, START);
      type Step = { readonly at: number; readonly do: "arrive" | "answer" };
      let open: Step[] = [];
      let bucket = fullBucket(new Date(START));
      let now = START;
      const until = (end: number): void => {
        for (const step of open.filter((it) => it.at <= end).sort((a, b) => a.at - b.at)) {
          if (step.do === "arrive") assert(ca.take(step.at), "the CA has no token");
          else bucket = settle(bucket, rate, new Date(step.at));
        }
        open = open.filter((it) => it.at > end);
      };
      for (const { wait, there, back, dies } of requests) {
        now += wait;
        until(now);
        if (dies) {
          open = open.filter((it) => it.do === "arrive"); // what was sent still arrives
          if (open.length > 0) continue; // then the CA is asked again only after that
          bucket = adopt(bucket, rate, new Date(now));
        }
        if (nextAt(bucket, rate, new Date(now)).getTime() > now) continue;
        bucket = reserve(bucket);
        open.push({ at: now + there, do: "arrive" }, { at: now + there + back, do: "answer" });
      }
      until(Infinity);
    }),
    SEEDED,
  );
});
