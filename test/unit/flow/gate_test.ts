import { assertEquals, assertRejects } from "@std/assert";
import { gate } from "../../../src/flow/gate.ts";
import { CALL } from "../../support/fakes.ts";

interface Work {
  readonly work: () => Promise<string>;
  readonly end: () => void;
}

function works(log: string[]): (name: string) => Work {
  return (name) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const work = (): Promise<string> => {
      log.push(name);
      return promise;
    };
    return { work, end: () => resolve(name) };
  };
}

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("works that go together do not wait for each other; one alone waits for them, and others for it", async () => {
  const [door, log] = [gate(), [] as string[]];
  const make = works(log);
  const [a, b, alone, c] = [make("a"), make("b"), make("alone"), make("c")];
  const all = [
    door.together(a.work, CALL),
    door.together(b.work, CALL),
    door.alone(alone.work, CALL),
    door.together(c.work, CALL),
  ];
  await soon();
  assertEquals(log, ["a", "b"]);
  b.end();
  a.end();
  await soon();
  assertEquals(log, ["a", "b", "alone"]);
  alone.end();
  await soon();
  assertEquals(log, ["a", "b", "alone", "c"]);
  c.end();
  assertEquals(await Promise.all(all), ["a", "b", "alone", "c"]);
});

Deno.test("two who want to be alone take turns", async () => {
  const [door, log] = [gate(), [] as string[]];
  const make = works(log);
  const [first, second] = [make("first"), make("second")];
  const all = Promise.all([door.alone(first.work, CALL), door.alone(second.work, CALL)]);
  await soon();
  assertEquals(log, ["first"]);
  first.end();
  await soon();
  second.end();
  assertEquals(await all, ["first", "second"]);
});

Deno.test("who is aborted while waiting gives its place up, and a failure lets the next one in", async () => {
  const [door, log] = [gate(), [] as string[]];
  const make = works(log);
  const inside = make("inside");
  const first = door.together(inside.work, CALL);
  const controller = new AbortController();
  const waiting = assertRejects(() => door.alone(make("never").work, { signal: controller.signal }), Error, "gone");
  controller.abort(new Error("gone"));
  await waiting;
  inside.end();
  await first;
  await assertRejects(() => door.alone(() => Promise.reject(new Error("failed")), CALL), Error, "failed");
  assertEquals(await door.together(() => Promise.resolve("next"), CALL), "next");
  assertEquals(log, ["inside"]);
});

Deno.test("who is aborted while another one is alone lets nobody in beside that one", async () => {
  const [door, log] = [gate(), [] as string[]];
  const make = works(log);
  const [alone, beside, next] = [make("alone"), make("beside"), make("next")];
  const controller = new AbortController();
  const first = door.alone(alone.work, CALL);
  const waiting = assertRejects(() => door.alone(make("never").work, { signal: controller.signal }), Error, "gone");
  controller.abort(new Error("gone"));
  await waiting;
  const rest = [door.together(beside.work, CALL), door.alone(next.work, CALL)];
  await soon();
  assertEquals(log, ["alone"]);
  for (const work of [alone, beside, next]) work.end();
  await Promise.all([first, ...rest]);
  assertEquals(log.length, 3);
});
