import { assertEquals } from "@std/assert";
import { worldly } from "../../../scripts/worldly.ts";

for (
  const source of [
    "Deno.cwd()",
    "let conn: Deno.TcpConn;",
    "const { env } = Deno;",
    "process.env",
    "Date.now()",
    "const now = Date.now;",
    "new Date()",
    "new Date( )",
    "console.log(1)",
    "setTimeout(run, 1)",
    "setInterval(run, 1)",
    "Math.random()",
    "performance.now()",
    "await import(name)",
    "const text = `now ${Date.now()}`;",
    'const url = "https://example.com"; Date.now();',
    "const pattern = /[\"'/]/; Date.now();",
    "const pattern = /https?:\\/\\//; Date.now();",
    "const half = a / b; Date.now(); // a / b",
    "/* why */ Date.now()",
  ]
) {
  Deno.test(`worldly() finds one thing in ${source}`, () => {
    assertEquals(worldly(source).length, 1);
  });
}

for (
  const source of [
    "// Deno.cwd()",
    "/** Date.now() is not used. */",
    "/*\n * console.log(1)\n */",
    'const text = "Math.random()";',
    "const text = 'setTimeout';",
    'const text = "a \\" Date.now()";',
    "const pattern = /Date.now/;",
    "new Date(ms)",
    "new Date(0)",
    'import { webcrypto } from "node:crypto";',
    'await import("./lazy.ts")',
    'await import("./data.json", { with: { type: "json" } })',
    "const processing = order.processing;",
    "clock.now()",
    "const DateNow = 1; myConsole.log(1);",
  ]
) {
  Deno.test(`worldly() finds nothing in ${source.replaceAll("\n", " ")}`, () => {
    assertEquals(worldly(source), []);
  });
}

Deno.test("worldly() tells the line, also below comments and texts", () => {
  const source = '/*\n two\n*/\nconst a = "x"; // y\nconst b = Date.now();\n\nDeno.exit();\n';
  assertEquals(worldly(source), [{ line: 5, text: "Date.now" }, { line: 7, text: "Deno" }]);
});
