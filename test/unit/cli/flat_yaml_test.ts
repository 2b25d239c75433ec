import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { readFlatYaml, type Scalar, writeFlatYaml } from "../../../plugin/cli/flat_yaml.ts";
import { InputError } from "../../../src/model/errors.ts";

const PEM = "-----BEGIN PRIVATE KEY-----\nMIIE+/=\n-----END PRIVATE KEY-----";

for (
  const [map, text] of [
    [{}, "--- {}\n"],
    [{ A: "word", B_2: "a/b.c+d=e@f-g" }, "---\nA: word\nB_2: a/b.c+d=e@f-g\n"],
    [{ A: "two words" }, '---\nA: "two words"\n'],
    [
      { A: "7", B: "true", C: "null", D: "~", E: "no", F: "" },
      '---\nA: "7"\nB: "true"\nC: "null"\nD: "~"\nE: "no"\nF: ""\n',
    ],
    [{ A: 'quote " and \\ and # and : x' }, '---\nA: "quote \\" and \\\\ and # and : x"\n'],
    [{ A: PEM }, "---\nA: |-\n  -----BEGIN PRIVATE KEY-----\n  MIIE+/=\n  -----END PRIVATE KEY-----\n"],
    [{ A: "a\n\nb", B: "x" }, "---\nA: |-\n  a\n\n  b\nB: x\n"],
    [{ A: " a\nb" }, '---\nA: " a\\nb"\n'],
    [{ A: "a\n \nb" }, '---\nA: "a\\n \\nb"\n'],
  ] as const
) {
  Deno.test(`writeFlatYaml() writes ${JSON.stringify(map)}`, () => {
    assertEquals(writeFlatYaml(map as Record<string, string>), text);
    assertEquals([...readFlatYaml(text)], Object.entries(map));
  });
}

Deno.test("readFlatYaml() reads back whatever writeFlatYaml() wrote", () => {
  const value = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(fc.constantFrom("a", " ", "\n", "\t", "#", ":", "-", '"', "'", "|", "é", "\u2028", "\r", "yes", "1")).map((
      it,
    ) => it.join("")),
  );
  const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,8}$/);
  fc.assert(fc.property(fc.dictionary(name, value), (map) => {
    assertEquals([...readFlatYaml(writeFlatYaml(map))], Object.entries(map));
  }));
});

for (
  const [text, expected] of [
    ["", []],
    ["# nothing\n---\n\n", []],
    ["A: x", [["A", "x"]]],
    ["A: x y, it's fine\r\nB: 'it''s'\r\n", [["A", "x y, it's fine"], ["B", "it's"]]],
    ['"A": "é\\u0041\\n"', [["A", "éA\n"]]],
    ["A:\nB: ~\nC: null\nD: NULL", [["A", null], ["B", null], ["C", null], ["D", null]]],
    ["A: true\nB: False", [["A", true], ["B", false]]],
    ["A: 007\nB: -1.5e3\nC: 12:30\nD: 2026-01-01", [["A", "007"], ["B", "-1.5e3"], ["C", "12:30"], [
      "D",
      "2026-01-01",
    ]]],
    ["A: https://a.example/x?y=z#w", [["A", "https://a.example/x?y=z#w"]]],
    ["A: |\n  a\n  b\n\nB: x", [["A", "a\nb\n"], ["B", "x"]]],
    ["A: |-\n    a\n      b\n\n    c\n# end\n", [["A", "a\n  b\n\nc"]]],
    ["A: |+\n  a\n\nB: x", [["A", "a\n"], ["B", "x"]]],
    ["A: |-\n  # no comment\n  --- \nB: x", [["A", "# no comment\n--- "], ["B", "x"]]],
    ["A: |-\nB: x", [["A", ""], ["B", "x"]]],
    ["\ufeffA: x", [["A", "x"]]],
  ] as const satisfies readonly (readonly [string, readonly (readonly [string, Scalar])[]])[]
) {
  Deno.test(`readFlatYaml() reads ${JSON.stringify(text)}`, () => {
    assertEquals<unknown>([...readFlatYaml(text)], expected);
  });
}

for (
  const [text, message] of [
    ["A: s3cret: x", "line 1: its value has to be in quotes"],
    ["A: s3cret # x", "line 1: its value has to be in quotes"],
    ["A: [s3cret]", "line 1: its value has to be in quotes"],
    ["A: {s3cret: 1}", "line 1: its value has to be in quotes"],
    ["A: &s3cret x", "line 1: its value has to be in quotes"],
    ["A: !!binary s3cret", "line 1: its value has to be in quotes"],
    ["A: >-\n  s3cret", "line 1: its value has to be in quotes"],
    ["A: - s3cret", "line 1: its value has to be in quotes"],
    ["A: yes", "line 1: its value may be a text or a truth value, so it has to be in quotes"],
    ['A: "s3cret', "line 1: its double quotes do not match"],
    ['A: "s3cret\\x41"', "line 1: its double quotes do not match, or it has an escape that JSON does not have"],
    ["A: 's3cret", "line 1: its single quotes do not match"],
    ["A: x\nA: s3cret", "line 2: A stands there twice"],
    ["A: x\n  s3cret", "line 2: it is not NAME: VALUE"],
    ["- s3cret", "line 1: it is not NAME: VALUE"],
    ["A:s3cret", "line 1: it is not NAME: VALUE"],
    ["A b: s3cret", "line 1: it is not NAME: VALUE"],
    ["A: x\n---\nB: s3cret", "line 2: it is not NAME: VALUE"],
    ["A: x\n...", "line 2: it is not NAME: VALUE"],
    ["A: |-\n    x\n  s3cret", "line 3: it is indented less than the first line of its block"],
    ["A: |-\n  \ts3cret", "line 1: its block is indented by tabs"],
    ["A: |2-\n    s3cret", "line 1: its value has to be in quotes"],
  ] as const
) {
  Deno.test(`readFlatYaml() refuses ${JSON.stringify(text)} by its line, and does not quote it`, () => {
    const error = assertThrows(() => readFlatYaml(text), InputError, message);
    assert(!`${error.message}${error.todo}`.includes("s3cret"));
  });
}
