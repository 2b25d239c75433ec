import { assertEquals, assertRejects } from "@std/assert";
import { flights } from "../../../src/flow/flights.ts";
import { turns } from "../../../src/flow/turns.ts";
import { CALL } from "../../support/fakes.ts";

Deno.test("flights.join() joins what is under way", async () => {
  const all = flights(CALL.signal);
  const { promise, resolve } = Promise.withResolvers<number>();
  let begun = 0;
  const work = (): Promise<number> => (begun++, promise);

  const waiting = Promise.all([all.join("a", work, CALL), all.join("a", work, CALL)]);
  resolve(7);

  assertEquals(await waiting, [7, 7]);
  assertEquals(begun, 1);
});

Deno.test("flights.join() begins anew when the last flight has landed, also after a failure", async () => {
  const all = flights(CALL.signal);
  await assertRejects(() => all.join("a", () => Promise.reject(new Error("first")), CALL), Error, "first");
  assertEquals(await all.join("a", () => Promise.resolve(2), CALL), 2);
});

Deno.test("flights.join() lets a caller go and carries the work on", async () => {
  const all = flights(CALL.signal);
  const caller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  let done = false;
  const waiting = all.join("a", async () => {
    await promise;
    done = true;
  }, { signal: caller.signal });

  caller.abort(new Error("gone"));
  await assertRejects(() => waiting, Error, "gone");
  resolve();
  await all.landed();

  assertEquals(done, true);
});

Deno.test("flights.join() ends the work with the lifetime", async () => {
  const lifetime = new AbortController();
  const all = flights(lifetime.signal);
  const flight = all.join(
    "a",
    ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    CALL,
  );

  lifetime.abort(new Error("stopping"));

  await assertRejects(() => flight, Error, "stopping");
});

Deno.test("turns.take() lets works of one name happen in the order in which they came", async () => {
  const all = turns();
  const said: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = all.take("a", async () => {
    await promise;
    said.push("first");
  }, CALL);
  const second = all.take("a", () => Promise.resolve(said.push("second")), CALL);
  const other = all.take("b", () => Promise.resolve(said.push("other")), CALL);

  await other;
  resolve();
  await Promise.all([first, second]);

  assertEquals(said, ["other", "first", "second"]);
});

Deno.test("turns.take() gives the turn up when aborted, and the next one still waits for the first", async () => {
  const all = turns();
  const said: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const caller = new AbortController();
  const first = all.take("a", async () => {
    await promise;
    said.push("first");
  }, CALL);
  const given = all.take("a", () => Promise.resolve(said.push("given up")), { signal: caller.signal });
  const third = all.take("a", () => Promise.resolve(said.push("third")), CALL);

  caller.abort(new Error("gone"));
  await assertRejects(() => given, Error, "gone");
  resolve();
  await Promise.all([first, third]);

  assertEquals(said, ["first", "third"]);
});

Deno.test("turns.take() goes on after a work that failed", async () => {
  const all = turns();
  await assertRejects(() => all.take("a", () => Promise.reject(new Error("no")), CALL), Error, "no");
  assertEquals(await all.take("a", () => Promise.resolve(1), CALL), 1);
});
