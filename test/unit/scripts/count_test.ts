import { assertEquals } from "@std/assert";
import { functionLengths, quantile } from "../../../scripts/count.ts";

for (
  const [what, source, lengths] of [
    ["a function", "export function a(): void {\n  b();\n}\n", [3]],
    ["a function of many arguments", "function a(\n  b: string,\n): void {\n  c();\n}\n", [3]],
    ["a method in a class", "class A {\n  b(): string {\n    return 1;\n  }\n}\n", [3]],
    ["an arrow", "const a = (b: string): string => {\n  return b;\n};\n", [3]],
    ["functions in functions", "function a(): void {\n  const b = () => {\n    c();\n  };\n}\n", [5, 3]],
    ["no blocks", "if (a) {\n  b();\n}\nfor (const c of d) {\n  e();\n}\nconst f = {\n  g: 1,\n};\n", []],
  ] as const
) {
  Deno.test(`functionLengths() measures ${what}`, () => {
    assertEquals(functionLengths(source), [...lengths]);
  });
}

Deno.test("quantile() gives a value that is there", () => {
  assertEquals([0.5, 0.9, 1].map((part) => quantile([9, 1, 5, 3], part)), [3, 9, 9]);
  assertEquals(quantile([], 0.5), 0);
});
