import { assertEquals } from "@std/assert";
import { attemptFailed, easeAttempts, isResting } from "../../../src/model/attempt.ts";
import { RateLimitedError, SidecarError } from "../../../src/model/errors.ts";
import type { AttemptRecord } from "../../../src/model/records.ts";

const NOW = new Date("2026-06-01T12:00:00Z");
const MINUTE = 60_000;
const at = (minutes: number): Date => new Date(NOW.getTime() + minutes * MINUTE);

const away = (lastAt: number, nextAt: number, changes: Partial<AttemptRecord> = {}): AttemptRecord => ({
  failures: 5,
  lastCode: "CA_TRANSPORT",
  lastAt: at(lastAt),
  nextAt: at(nextAt),
  ...changes,
});
const done = (lastAt: number): AttemptRecord => ({ failures: 0, lastAt: at(lastAt) });

/** Minutes from now until each is tried. */
function rests(attempts: Readonly<Record<string, AttemptRecord>>): Readonly<Record<string, number>> {
  const eased = easeAttempts(new Map(Object.entries(attempts)), NOW);
  return Object.fromEntries([...eased].map(([key, it]) => [key, (+(it.nextAt ?? NOW) - +NOW) / MINUTE]));
}

for (
  const [why, attempts, expected] of [
    ["what the CA refused rests as long as it shall", { a: away(-10, 50, { lastCode: "CA_PROBLEM" }), b: done(-1) }, {
      a: 50,
      b: 0,
    }],
    ["what missed the CA rests until it has done something", { a: away(-10, 50), b: done(-1) }, { a: 0, b: 0 }],
    ["a success from before says nothing", { a: away(-2, 50), b: done(-5) }, { a: 6, b: 0 }],
    [
      "three look for a CA that is away, the others keep still",
      { a: away(-2, 50), b: away(-3, 40), c: away(-4, 30), d: away(-5, 60) },
      { a: 6, b: 6, c: 6, d: 60 },
    ],
    [
      "what a limit of ours put off has not heard the CA",
      { a: away(-10, 50), b: away(-1, 5, { failures: 0, lastCode: "RATE_LIMITED" }) },
      { a: -2, b: 5 },
    ],
    ["what is due sooner stays so", { a: away(-1, 3) }, { a: 3 }],
    ["Retry-After binds while the CA is away", { a: away(-1, 50, { retryAt: at(30) }) }, { a: 30 }],
    ["Retry-After binds when it is back", { a: away(-10, 50, { retryAt: at(30) }), b: done(-1) }, { a: 30, b: 0 }],
    ["what was written by a clock that was wrong does not rest", { a: away(9_000, 9_900, { retryAt: at(9_900) }) }, {
      a: 0,
    }],
  ] as readonly (readonly [string, Readonly<Record<string, AttemptRecord>>, Readonly<Record<string, number>>])[]
) {
  Deno.test(`easeAttempts(): ${why}`, () => {
    assertEquals(rests(attempts), expected);
  });
}

Deno.test("attemptFailed() waits for the backoff, and longer where the CA asks for it", () => {
  const ours = attemptFailed(new SidecarError("CA_TRANSPORT", "no"), 2, NOW, 0.5);
  assertEquals(ours, { failures: 2, lastError: "no", lastCode: "CA_TRANSPORT", nextAt: at(5), lastAt: NOW });
  const theirs = attemptFailed(new SidecarError("CA_TRANSPORT", "no", { retryAt: at(90) }), 2, NOW, 0.5);
  assertEquals([theirs.nextAt, theirs.retryAt], [at(90), at(90)]);
  assertEquals([isResting(ours, at(4)), isResting(ours, at(5)), isResting(undefined, NOW)], [true, false, false]);
});

for (
  const [what, options, minutes] of [
    ["a CA in maintenance", { status: 503 }, 8],
    ["a CA whose directory or nonces fail", { status: 500, beforeAll: true }, 8],
    ["a CA that refuses before all", { status: 403, beforeAll: true }, 60],
    ["a CA that failed at this very request", { status: 500 }, 60],
    ["what was not the CA's answer", {}, 60],
  ] as const
) {
  Deno.test(`attemptFailed(): ${what} is looked for again after ${minutes} minutes at the most`, () => {
    const { nextAt } = attemptFailed(new SidecarError("CA_PROBLEM", "no", options), 5, NOW, 0.5);
    assertEquals(nextAt, at(minutes));
  });
}

Deno.test("attemptFailed() of what only has to wait is no failure, and over when it may go on", () => {
  const waits = attemptFailed(new RateLimitedError("used up", { retryAt: at(7) }), 3, NOW, 0.5);
  assertEquals([waits.failures, waits.nextAt, waits.retryAt, waits.lastCode], [2, at(7), at(7), "RATE_LIMITED"]);
  const unheard = attemptFailed(new RateLimitedError("429"), 3, NOW, 0.5);
  assertEquals([unheard.failures, unheard.nextAt], [3, at(10)]);
});
