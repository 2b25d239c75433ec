import { assertEquals, assertRejects } from "@std/assert";
import { turns } from "../../../src/flow/turns.ts";
import { CALL } from "../../support/fakes.ts";

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("turns() lets works of one name happen one after the other, those of others meanwhile", async () => {
  const [line, log] = [turns(), [] as string[]];
  const first = Promise.withResolvers<void>();
  const all = [
    line.take("a", () => (log.push("a1"), first.promise), CALL),
    line.take("a", () => Promise.resolve(void log.push("a2")), CALL),
    line.take("b", () => Promise.resolve(void log.push("b1")), CALL),
  ];
  await soon();
  assertEquals(log, ["a1", "b1"]);
  assertEquals([line.isFree("a"), line.isFree("b")], [false, true]);
  first.resolve();
  await Promise.all(all);
  assertEquals(log, ["a1", "b1", "a2"]);
});

Deno.test("turns(): who is aborted while waiting does not let the next one in beside the work that goes on", async () => {
  const [line, log] = [turns(), [] as string[]];
  const first = Promise.withResolvers<void>();
  const controller = new AbortController();
  const work = line.take("a", () => (log.push("first"), first.promise), CALL);
  const waiting = assertRejects(
    () => line.take("a", () => Promise.resolve(void log.push("never")), { signal: controller.signal }),
    Error,
    "gone",
  );
  controller.abort(new Error("gone"));
  await waiting;
  const next = line.take("a", () => Promise.resolve(void log.push("next")), CALL);
  await soon();
  assertEquals(log, ["first"]);
  first.resolve();
  await Promise.all([work, next]);
  assertEquals(log, ["first", "next"]);
});
