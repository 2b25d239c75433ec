import { assertEquals } from "@std/assert";
import { PARTLY, UNPROVEN } from "../support/unproven_cases.ts";

const FOLDER = new URL("./", import.meta.url);

/** The cases that the authority can play: protocol, account, order, certificate. */
const CASES = [
  ...Array.from({ length: 58 }, (_, i) => `F-${String(i + 1).padStart(2, "0")}`),
  ...["F-41a", "F-58a", "F-58b"],
  ...Array.from({ length: 9 }, (_, i) => `F-${80 + i}`),
  ...["F-89", "F-90", "F-91", "F-92", "F-98"], // the vault that is away
].sort();

Deno.test("every failure case has a test with its number, or a reason why not", async () => {
  const tested = new Set<string>();
  for await (const { name } of Deno.readDir(FOLDER)) {
    const text = await Deno.readTextFile(new URL(name, FOLDER));
    for (const [, number] of text.matchAll(/["`](F-\d{2}[ab]?)[":]/g)) tested.add(number!);
  }
  assertEquals([...tested, ...Object.keys(UNPROVEN)].sort(), CASES);
  assertEquals(Object.keys(PARTLY).filter((it) => !tested.has(it)), []);
});
