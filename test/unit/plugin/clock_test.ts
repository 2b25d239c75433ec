import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock, timersFor } from "../../../plugin/clock.ts";

const DAY = 86_400_000;
/** The longest that setTimeout can count, 24.8 days. */
const LONGEST = 2_147_483_647;

for (
  const [ms, expected] of [
    [0, []],
    [-1, []],
    [NaN, []],
    [1, [1]],
    [LONGEST, [LONGEST]],
    [LONGEST + 1, [LONGEST, 1]],
    [60 * DAY, [LONGEST, LONGEST, 60 * DAY - 2 * LONGEST]],
  ] as const
) {
  Deno.test(`F-127: a wait of ${ms} ms is made of timers that setTimeout can count`, () => {
    assertEquals([...timersFor(ms)], [...expected]);
  });
}

Deno.test("F-127: a wait without end is made of as many timers as it takes", () => {
  const [first, second] = timersFor(Infinity);
  assertEquals([first, second], [LONGEST, LONGEST]);
});

Deno.test("F-127: systemClock does not wake at once from a sleep of 60 days, and leaves no timer behind when it is called off", async () => {
  const over = new AbortController();
  const sleep = systemClock.sleep(60 * DAY, { signal: over.signal });
  let awake = false;
  sleep.then(() => awake = true, () => {});
  await systemClock.sleep(20, { signal: new AbortController().signal });
  assert(!awake);
  over.abort(new Error("called off"));
  await assertRejects(() => sleep, Error, "called off");
});

Deno.test("systemClock does not sleep for a caller who has gone", async () => {
  await assertRejects(() => systemClock.sleep(DAY, { signal: AbortSignal.abort(new Error("gone")) }), Error, "gone");
});
