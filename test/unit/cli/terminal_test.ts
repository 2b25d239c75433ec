import { assertEquals } from "@std/assert";
import { lineReader, readMasked, type ReadText } from "../../../plugin/cli/terminal.ts";

function chunks(...texts: readonly string[]): ReadText {
  const left = [...texts];
  return () => Promise.resolve(left.shift());
}

Deno.test("lineReader() gives line after line, whatever the chunks", async () => {
  const { line } = lineReader(chunks("y", "es\r\nno\nla", "st"));
  assertEquals([await line(), await line(), await line(), await line()], ["yes", "no", "last", undefined]);
});

Deno.test("lineReader() gives the rest", async () => {
  const { line, rest } = lineReader(chunks("a\nb", "\nc"));
  assertEquals([await line(), await rest(), await rest()], ["a", "b\nc", ""]);
});

const PEM = "-----BEGIN A-----\nMIIE\n-----END A-----";

for (
  const [keys, value, shown, why] of [
    [["s3", "cret\r", "more"], "s3cret", "******\n", "a line"],
    [["ab\x7f\x7f\x7fc\n"], "c", "**\b \b\b \b*\n", "with backspaces"],
    [["a\x03"], undefined, "*", "until Ctrl-C"],
    [["\x04"], undefined, "", "until Ctrl-D"],
    [["a\x04b\n"], "ab", "**\n", "and no Ctrl-D in a line"],
    [[], undefined, "", "until the end"],
    [["ab"], "ab", "**", "to the end"],
    [[`${PEM}\n`], PEM, `${"*".repeat(PEM.length - 2)}\n`, "a whole PEM block"],
  ] as const
) {
  Deno.test(`readMasked() reads ${why}`, async () => {
    let echoed = "";
    assertEquals(await readMasked(chunks(...keys), (text) => void (echoed += text)), value);
    assertEquals(echoed, shown);
  });
}
