import { assertEquals, assertRejects } from "@std/assert";
import { inTurn } from "../../../plugin/net/in_turn.ts";
import { CALL } from "../../support/fakes.ts";

Deno.test("inTurn() does one thing after the other under one key", async () => {
  const log: string[] = [];
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const first = inTurn("a", CALL, async () => {
    log.push("first begins");
    await gate;
    log.push("first ends");
  });
  const second = inTurn("a", CALL, () => Promise.resolve(log.push("second")));
  const other = inTurn("b", CALL, () => Promise.resolve(log.push("another key")));
  await other;
  assertEquals(log, ["first begins", "another key"]);
  open();
  await Promise.all([first, second]);
  assertEquals(log, ["first begins", "another key", "first ends", "second"]);
});

Deno.test("inTurn() goes on after a failure", async () => {
  const failing = inTurn("a", CALL, () => Promise.reject(new RangeError("no")));
  const next = inTurn("a", CALL, () => Promise.resolve("yes"));
  await assertRejects(() => failing, RangeError, "no");
  assertEquals(await next, "yes");
});

Deno.test("inTurn() lets one give up waiting, and lets nobody overtake for it", async () => {
  const log: string[] = [];
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const control = new AbortController();
  const first = inTurn("a", CALL, async () => {
    await gate;
    log.push("first");
  });
  const second = inTurn("a", control, () => Promise.resolve(log.push("second")));
  const third = inTurn("a", CALL, () => Promise.resolve(log.push("third")));
  control.abort(new SyntaxError("stop"));
  await assertRejects(() => second, SyntaxError, "stop");
  assertEquals(log, []);
  open();
  await Promise.all([first, third]);
  assertEquals(log, ["first", "third"]);
});
