import { assertEquals } from "@std/assert";
import { PARTLY, UNPROVEN } from "../support/unproven_cases.ts";

const FOLDER = new URL("./", import.meta.url);

const upTo = (first: number, last: number): readonly string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `F-${String(first + i).padStart(2, "0")}`);

/** The cases that have a test here or a reason why not, one line for each part of the house. */
const CASES = [
  ...upTo(1, 58), // protocol, account, order
  ...["F-41a", "F-58a", "F-58b"],
  ...upTo(80, 88), // certificate
  ...upTo(89, 92), // the vault that is away
  ...upTo(93, 96), // disk
  ...["F-98"],
  ...upTo(114, 124), // stops, time, renewal
  ...upTo(127, 130), // timers, changes, recalls
].sort();

Deno.test("every failure case has a test with its number, or a reason why not", async () => {
  const tested = new Set<string>();
  for await (const { name } of Deno.readDir(FOLDER)) {
    const text = await Deno.readTextFile(new URL(name, FOLDER));
    for (const [, number] of text.matchAll(/["`](F-\d{2,3}[ab]?)[":]/g)) tested.add(number!);
  }
  assertEquals([...tested, ...Object.keys(UNPROVEN)].sort(), CASES);
  assertEquals(Object.keys(PARTLY).filter((it) => !tested.has(it)), []);
});
