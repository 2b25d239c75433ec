import { assertEquals, assertThrows } from "@std/assert";
import { SidecarError } from "../../../src/model/errors.ts";
import { bundlePem } from "../../../src/model/certificate.ts";
import { checkSize, quotable, withPayload } from "../../../plugin/haproxy/payload.ts";
import { testPki } from "../../support/pki.ts";

const PEM = bundlePem(testPki().issue(["a.example.com"]));
const version = (major: number, minor: number): { major: number; minor: number; text: string } => ({
  major,
  minor,
  text: `${major}.${minor}.0`,
});

Deno.test("withPayload() ends with one blank line", () => {
  for (const it of [version(2, 2), version(2, 8)]) {
    assertEquals(withPayload("set ssl cert x", "PEM\n", it), "set ssl cert x <<\nPEM\n\n");
  }
});

Deno.test("F-134: withPayload() ends with a line that is drawn anew each time from 2.9 on", () => {
  const messages = [version(2, 9), version(2, 9), version(3, 4)].map((it) =>
    withPayload("set ssl cert x", "PEM\n", it)
  );
  // HAProxy keeps seven characters of the pattern: a longer one would never be met.
  for (const it of messages) assertEquals(/^set ssl cert x <<(%[0-9a-f]{6})\nPEM\n\1\n$/.test(it), true, it);
  assertEquals(new Set(messages).size, 3);
});

for (const text of ["PEM\n\nshow info\n", "PEM\n\r\nshow info\n", "\nPEM\n", "PEM\n\n", "PEM"]) {
  Deno.test(`F-134: withPayload() sends nothing that would end early: ${JSON.stringify(text)}`, () => {
    for (const it of [version(2, 6), version(3, 2)]) {
      assertThrows(() => withPayload("set ssl cert x", text, it), RangeError, "a payload ");
    }
  });
}

Deno.test("F-134: withPayload() takes no line for its end that somebody foresaw", () => {
  const guesses = Array.from({ length: 200 }, (_, i) => `%${i.toString(16).padStart(6, "0")}\n`).join("");
  const [first = ""] = withPayload("set ssl cert x", `${guesses}%EOF%\n`, version(2, 9)).split("\n");
  assertEquals(guesses.includes(first.split("<<")[1] ?? ""), false);
});

for (
  const [size, { major, minor }, fits] of [
    [15_999, version(2, 6), true],
    [16_000, version(2, 6), false],
    [16_000, version(3, 3), false],
    [16_000, version(3, 4), true],
    [131_071, version(3, 4), true],
    [131_072, version(4, 0), false],
  ] as const
) {
  Deno.test(`checkSize() ${fits ? "takes" : "refuses"} ${size} bytes for HAProxy ${major}.${minor}`, () => {
    const run = (): void => checkSize("x".repeat(size), version(major, minor), "a.pem");
    if (fits) return run();
    const error = assertThrows(run, SidecarError, `too large for the runtime socket: ${size} bytes`);
    assertEquals(error.code, "SWAP_REJECTED");
  });
}

Deno.test("quotable() gives HAProxy's words without any part of a PEM", () => {
  assertEquals(quotable("Can't load the payload\nCan't update x!\n\n"), "Can't load the payload; Can't update x!");
  const quoted = quotable(`Unknown command: '${PEM.split("\n")[1]}'\n${PEM}`);
  assertEquals(/[A-Za-z0-9+/]{40}/.test(quoted), false);
  assertEquals(quotable("x ".repeat(1_000)).length, 401);
});
