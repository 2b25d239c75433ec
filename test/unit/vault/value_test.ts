import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { InputError } from "../../../src/model/errors.ts";
import { normaliseValue } from "../../../src/vault/value.ts";

for (
  const [value, expected, why] of [
    ["abc", "abc", "keeps what is plain"],
    [" \t\r\n a b \t\r\n ", "a b", "strips outer white space"],
    ["a\n\n\tb\r\nc", "a\n\n\tb\r\nc", "keeps tab, CR and LF inside"],
    ["a\u0000\u0001\u0002b\u007fc", "a b c", "makes a run of control characters one space"],
    ["a \u0000 b", "a   b", "does not swallow spaces beside it"],
    ["\u0000\u0007a\u000b\f", "a", "strips what became a space"],
    ["a\u2028\u2029b\ud800c\u0378d", "a b c d", "separators, lone surrogates and unassigned code points"],
    ["\u00a0a\u00a0", "\u00a0a\u00a0", "a no-break space is printable and no ASCII white space"],
    ["zw\u200dj ü 🔑\ue000", "zw\u200dj ü 🔑\ue000", "format and private characters are printable"],
    ["-----BEGIN A-----\nAA==\n-----END A-----\n", "-----BEGIN A-----\nAA==\n-----END A-----", "PEM"],
  ] as const
) {
  Deno.test(`normaliseValue(): ${why}`, () => assertEquals(normaliseValue(value), expected));
}

for (const value of ["", " ", "\n\t\r ", "\u0000", " \u0000\u000b\n"]) {
  Deno.test(`normaliseValue() refuses ${JSON.stringify(value)}`, () => {
    const error = assertThrows(() => normaliseValue(value, "token"), InputError, "Value can't be blank");
    assertEquals(error.field, "token");
  });
}

Deno.test("normaliseValue() changes nothing the second time", () => {
  const character = fc.constantFrom(
    "a",
    " ",
    "\t",
    "\n",
    "\r",
    "\u000b",
    "\u0000",
    "\u00a0",
    "\u2028",
    "\ud83d",
    "\udd11",
  );
  fc.assert(fc.property(fc.array(character), (characters) => {
    const once = normaliseValue(`x${characters.join("")}`);
    assertEquals(normaliseValue(once), once);
    assert(once.isWellFormed() && !once.includes("\0"));
  }));
});

Deno.test({
  name: "normaliseValue() takes a long run of spaces in linear time",
  timeout: 2_000,
  fn: () => assertEquals(normaliseValue(`a${" ".repeat(300_000)}b`).length, 300_002),
});
