import { assertEquals, assertStringIncludes } from "@std/assert";
import { lockProblems } from "../../../scripts/check_lock.ts";

const CONFIG = {
  imports: {
    "@std/assert": "./test/_std/assert.ts",
    "@a/b": "npm:@a/b@1.2.3",
    "hono": "npm:hono@4.13.19",
    "hono/": "npm:/hono@4.13.19/",
  },
};
const lock = (dependencies: readonly string[], npm: object = {}): string =>
  JSON.stringify({ version: "5", npm, workspace: { dependencies } }, undefined, 2);

Deno.test("lockProblems() has nothing against a lock that fits", () => {
  assertEquals(lockProblems(CONFIG, lock(["npm:@a/b@1.2.3", "npm:hono@4.13.19"])), []);
});

for (
  const [what, config, text, part] of [
    ["a package that is not locked", CONFIG, lock(["npm:hono@4.13.19"]), "lacks npm:@a/b@1.2.3"],
    ["one too many", CONFIG, lock(["npm:@a/b@1.2.3", "npm:hono@4.13.19", "npm:zod@4.0.0"]), "has npm:zod@4.0.0"],
    ["a range", { imports: { hono: "npm:hono@^4.13.19" } }, lock([]), "one exact version"],
    ["a package from elsewhere", { imports: { assert: "jsr:@std/assert@1.0.0" } }, lock([]), "one exact version"],
    [
      "a tarball",
      { imports: { hono: "npm:hono@4.13.19" } },
      lock(["npm:hono@4.13.19"], { "hono@4.13.19": { tarball: "http://registry.example/hono.tgz" } }),
      "a place on the network",
    ],
  ] as const
) {
  Deno.test(`lockProblems() names ${what}`, () => {
    const found = lockProblems(config, text);
    assertEquals(found.length, 1);
    assertStringIncludes(found[0] ?? "", part);
  });
}

Deno.test("lockProblems() tells both sides of a changed version", () => {
  assertEquals(lockProblems({ imports: { hono: "npm:hono@4.14.0" } }, lock(["npm:hono@4.13.19"])).length, 2);
});
