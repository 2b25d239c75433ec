import { assertEquals, assertThrows } from "@std/assert";
import { parseArguments } from "../../../scripts/bench/main.ts";
import { inTurns, median, quantile } from "../../../scripts/bench/measure.ts";
import { atMost, below, figures, markdown, short } from "../../../scripts/bench/report.ts";

const MEDIANS: readonly (readonly [values: readonly number[], expected: number])[] = [
  [[3, 1, 2], 2],
  [[10, 1, 2, 4], 3],
  [[7], 7],
  [[], NaN],
];

Deno.test("median() takes the middle, whatever the order", () => {
  for (const [values, expected] of MEDIANS) assertEquals(median(values), expected);
});

Deno.test("quantile() takes the number that so many are below, whatever the order", () => {
  const values = Array.from({ length: 50 }, (_, i) => 50 - i); // 1 to 50
  assertEquals([0, 0.5, 0.9, 0.99, 1].map((share) => quantile(values, share)), [1, 26, 46, 50, 50]);
  assertEquals(quantile([], 0.9), NaN);
});

Deno.test("inTurns() alternates, and leaves out who has had enough", async () => {
  const order: string[] = [];
  const side = (name: string, rounds: number): Parameters<typeof inTurns<number>>[0][number] => ({
    rounds,
    measure: (round) => Promise.resolve(order.push(`${name}${round}`)),
  });
  const found = await inTurns([side("a", 3), side("b", 1)]);
  assertEquals(order, ["a0", "b0", "a1", "a2"]);
  assertEquals(found.map((it) => it.length), [3, 1]);
});

Deno.test("figures() and markdown() show the goal and whether it was met", () => {
  const text = markdown(figures([
    { what: "a", measured: "1.2", goal: atMost(1.2, 1.3) },
    { what: "b", measured: "1.4", goal: atMost(1.4, 1.3) },
    { what: "c", measured: "2", goal: below(2, 2, "less than 2") },
    { what: "d", measured: "5" },
  ], "note"));
  assertEquals(text.split("\n").map((line) => line.replace(/\s+/g, " ")), [
    "note",
    "",
    "| figure | measured | goal | verdict |",
    "| ------ | -------- | ----------- | ------- |",
    "| a | 1.2 | at most 1.3 | met |",
    "| b | 1.4 | at most 1.3 | NOT met |",
    "| c | 2 | less than 2 | NOT met |",
    "| d | 5 | – | |",
  ]);
});

Deno.test("short() keeps the digits that count", () => {
  assertEquals([1234.5, 12.34, 1.234, 0.1234].map(short), ["1235", "12.3", "1.23", "0.12"]);
});

Deno.test("parseArguments() takes rows and --quick, and refuses anything else", () => {
  assertEquals(parseArguments(["--only=swap,start", "--quick"]), { quick: true, rows: ["swap", "start"] });
  assertEquals(parseArguments([]).rows.includes("hundred"), true);
  for (const strange of [["--only=bogus"], ["swap"], ["--fast"]]) {
    assertThrows(() => parseArguments(strange), RangeError, "Cannot measure");
  }
});
