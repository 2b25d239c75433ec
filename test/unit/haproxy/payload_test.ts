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
  assertEquals(withPayload("set ssl cert x", "PEM\n"), "set ssl cert x <<\nPEM\n\n");
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
