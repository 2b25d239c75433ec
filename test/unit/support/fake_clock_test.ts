import { assertEquals, assertRejects } from "@std/assert";
import { fakeClock } from "../../support/fake_clock.ts";

const START = new Date("2026-03-01T00:00:00Z");
const forever = { signal: new AbortController().signal };

Deno.test("fakeClock() wakes sleepers in order, each at its own time", async () => {
  const clock = fakeClock(START);
  const woken: string[] = [];
  const sleep = async (name: string, ms: number): Promise<void> => {
    await clock.sleep(ms, forever);
    woken.push(`${name} ${clock.now().getTime() - START.getTime()}`);
  };
  const all = [sleep("c", 300), sleep("a", 100), sleep("b", 200).then(() => sleep("d", 50)), sleep("late", 1_000)];
  await clock.advance(300);
  assertEquals(woken, ["a 100", "b 200", "d 250", "c 300"]);
  assertEquals(clock.sleeping, 1);
  await clock.advance(700);
  await Promise.all(all);
  assertEquals(woken.at(-1), "late 1000");
});

Deno.test("fakeClock() advances time without sleepers", async () => {
  const clock = fakeClock(START);
  await clock.advance(5);
  assertEquals(clock.now().getTime() - START.getTime(), 5);
});

Deno.test("fakeClock() ends a sleep at once on abort, with the reason", async () => {
  const clock = fakeClock();
  const stop = new AbortController();
  const sleep = clock.sleep(1_000, { signal: stop.signal });
  const reason = new Error("enough");
  stop.abort(reason);
  assertEquals(await assertRejects(() => sleep, Error), reason);
  assertEquals(clock.sleeping, 0);
  assertEquals(await assertRejects(() => clock.sleep(1, { signal: stop.signal }), Error), reason);
});

Deno.test("fakeClock() jump() wakes who was due in between late", async () => {
  const clock = fakeClock(START);
  const at = clock.sleep(100, forever).then(() => clock.now());
  await clock.jump(5_000);
  assertEquals((await at).getTime() - START.getTime(), 5_000);
});

Deno.test("fakeClock() run() lets pass what the work needs", async () => {
  const clock = fakeClock(START);
  const work = async (): Promise<number> => {
    for (let i = 0; i < 3; i++) await clock.sleep(86_400_000, forever);
    return 7;
  };
  assertEquals(await clock.run(work()), 7);
  assertEquals(clock.now(), new Date("2026-03-04T00:00:00Z"));
  await assertRejects(() => clock.run(Promise.reject(new Error("no"))), Error, "no");
});
