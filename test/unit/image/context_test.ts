import { assertEquals, assertThrows } from "@std/assert";
import { contextFilter } from "../../image/context.ts";

const OURS = await Deno.readTextFile(new URL("../../../.dockerignore", import.meta.url));

for (
  const [path, kept] of [
    ["deno.lock", true],
    ["src/model/errors.ts", true],
    ["image/entrypoint.sh", true],
    ["compose/secrets/vault_key", false],
    ["data/vault.key", false],
    [".git/config", false],
    ["node_modules/hono/package.json", false],
    ["test/support/pki.ts", false],
  ] as const
) {
  Deno.test(`the build ${kept ? "gets" : "does not get"} ${path}`, () => assertEquals(contextFilter(OURS)(path), kept));
}

Deno.test("contextFilter() lets the last line that matches decide, and refuses what it cannot follow", () => {
  const isKept = contextFilter("# first\n*\n!a\na/b\n");
  assertEquals(["a", "a/c", "a/b", "a/b/c", "ab", "c"].map(isKept), [true, true, false, false, false, false]);
  assertThrows(() => contextFilter("**/*.pem"), SyntaxError);
});
