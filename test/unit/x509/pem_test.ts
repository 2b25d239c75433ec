import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { readPem, writePem } from "../../../src/x509/pem.ts";

const A = Uint8Array.from({ length: 100 }, (_, i) => i);
const B = Uint8Array.of(1, 2, 3);
const TWO = writePem("CERTIFICATE", A) + writePem("EC PRIVATE KEY", B);
const BLOCKS = [{ label: "CERTIFICATE", der: A }, { label: "EC PRIVATE KEY", der: B }];

Deno.test("writePem() writes 64 columns, LF and one final newline", () => {
  const lines = writePem("CERTIFICATE", A).split("\n");
  assertEquals(lines.map((line) => line.length), [27, 64, 64, 8, 25, 0]);
  assertEquals(lines[0], "-----BEGIN CERTIFICATE-----");
  assertEquals(lines[4], "-----END CERTIFICATE-----");
});

Deno.test("readPem() reads what writePem() wrote, whatever the bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
    const [block] = readPem(writePem("PRIVATE KEY", bytes));
    assertEquals([...block!.der], [...bytes]);
  }));
});

for (
  const [why, text] of [
    ["canonical PEM", TWO],
    ["CRLF", TWO.replaceAll("\n", "\r\n")],
    ["no final newline", TWO.trimEnd()],
    ["blank lines between and around", `\n\n${TWO.replace("-----BEGIN EC", "\n\n-----BEGIN EC")}\n\n`],
    ["spaces in place of newlines", TWO.replaceAll("\n", " ")],
    ["indented lines", TWO.replaceAll("\n", "\n    ")],
  ] as const
) {
  Deno.test(`readPem() reads ${why}`, () => assertEquals(readPem(text), BLOCKS));
}

for (
  const [why, text, message] of [
    ["nothing", "", "it is empty"],
    ["white space", " \n\n", "it is empty"],
    ["text in front", `Subject: a\n${TWO}`, "something other than PEM before block 1"],
    [
      "text in between",
      TWO.replace("-----BEGIN EC", "hello\n-----BEGIN EC"),
      "something other than PEM before block 2",
    ],
    ["text behind", `${TWO}hello`, "something other than PEM before block 3"],
    ["DER", "0\u0082\u0001\u0002abc", "something other than PEM before block 1"],
    ["a cut off text", TWO.slice(0, -10), "block 2 is cut off"],
    ["another END line", TWO.replace("END EC", "END RSA"), "block 2 is cut off"],
    ["an END line missing in between", TWO.replace("-----END CERTIFICATE-----\n", ""), "block 1 is cut off"],
    ["a letter that is not Base64", TWO.replace("AAEC", "AA*C"), "block 1 is not Base64"],
    ["missing padding", TWO.replace("==", ""), "block 1 is not Base64"],
    ["an empty block", "-----BEGIN X-----\n-----END X-----", "block 1 is not Base64"],
    ["a header line", TWO.replace("AAEC", "Proc-Type: 4,ENCRYPTED\n\nAAEC"), "block 1 has header lines"],
    ["a malformed first line", "-----BEGIN x\n", "first line of block 1 is malformed"],
    ["a first line without end", `-----BEGIN ${"A".repeat(200)}`, "first line of block 1 is malformed"],
  ] as const
) {
  Deno.test(`readPem() refuses ${why}`, () => {
    assertThrows(() => readPem(text), SyntaxError, message);
  });
}

Deno.test("readPem() takes time in proportion to the text", () => {
  const start = performance.now();
  for (const part of ["-----BEGIN ", "-----BEGIN A-----\n", "A", "-", " "]) {
    assertThrows(() => readPem(part.repeat(2_000_000 / part.length)), SyntaxError);
  }
  assert(performance.now() - start < 2_000);
});
