import { assertEquals, assertThrows } from "@std/assert";
import { SidecarError } from "../../../src/model/errors.ts";
import { parseSecretName } from "../../../src/model/secret_name.ts";
import { checkVersion, readyWrites } from "../../../src/vault/writes.ts";

const A = parseSecretName("A");

Deno.test("readyWrites() keeps order and versions, and leaves its argument alone", () => {
  const writes = [{ name: parseSecretName("B"), value: " b ", ifVersion: 0 }, { name: A, value: "a\n" }];
  assertEquals(readyWrites(writes).map((it) => [it.value, it.ifVersion]), [["b", 0], ["a", undefined]]);
  assertEquals(writes[0]?.value, " b ");
});

for (
  const [expected, current, found] of [
    [0, 3, "the secret A as version 1: it exists"],
    [2, 0, "the secret A as version 3: it does not exist"],
    [2, 3, "the secret A as version 3: version 3 is current"],
  ] as const
) {
  Deno.test(`checkVersion() refuses ${expected} where ${current} is current`, () => {
    const error = assertThrows(() => checkVersion(A, expected, current), SidecarError, found);
    assertEquals(error.code, "CONFLICT");
  });
}

Deno.test("checkVersion() lets pass what is equal or not asked for", () => {
  checkVersion(A, undefined, 3);
  checkVersion(A, 3, 3);
  checkVersion(A, 0, 0);
});
