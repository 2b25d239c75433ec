import { assertEquals } from "@std/assert";
import { moduleGraph, readInfo } from "../../../scripts/module_graph.ts";

const TOP = "file:///house/";
const module = (path: string, ...dependencies: readonly object[]): object => ({
  specifier: TOP + path,
  dependencies,
});
const read = (...modules: readonly object[]): ReturnType<typeof readInfo> => readInfo({ modules } as never, TOP);

for (
  const [what, dependency, to] of [
    ["a file", { code: { specifier: `${TOP}src/b.ts` } }, "src/b.ts"],
    ["a type", { type: { specifier: `${TOP}src/b.ts` } }, "src/b.ts"],
    ["a dynamic import", { code: { specifier: "npm:pkijs@4.0.0" }, isDynamic: true }, "pkijs"],
    ["a package with a scope", { code: { specifier: "npm:@peculiar/x509@2.2.0" } }, "@peculiar/x509"],
    ["a part of a package", { code: { specifier: "npm:/hono@4.13.19/bearer-auth" } }, "hono"],
    ["a part of a package with a scope", { code: { specifier: "npm:/@a/b@1.0.0/c" } }, "@a/b"],
    ["a module of Node", { code: { specifier: "node:crypto" } }, "node:crypto"],
    ["a module elsewhere", { code: { specifier: "https://example.com/a.ts" } }, "https://example.com/a.ts"],
  ] as const
) {
  Deno.test(`readInfo() names ${what} that is imported`, () => {
    const graph = read(module("src/a.ts", { specifier: "x", ...dependency }));
    assertEquals(graph.imports, [{ from: "src/a.ts", to }]);
    assertEquals(graph.errors, []);
  });
}

Deno.test("readInfo() keeps the files of the project apart from those of packages", () => {
  const graph = read(module("mod.ts"), module("node_modules/.deno/a/index.ts"), { specifier: "npm:/jose@6.2.18" });
  assertEquals([...graph.files], ["mod.ts"]);
});

Deno.test("readInfo() reports imports that lead nowhere and files that are missing", () => {
  const graph = read(
    module("mod.ts", { specifier: "nothing", code: { error: "not a dependency" } }),
    { specifier: `${TOP}src/gone.ts`, error: "Module not found" },
  );
  assertEquals(graph.errors, ["src/gone.ts cannot be read", "mod.ts imports nothing, which leads nowhere"]);
});

Deno.test("moduleGraph() reads the graph of this file", async () => {
  const here = "test/unit/scripts/module_graph_test.ts";
  const { files, imports, errors } = await moduleGraph([here]);
  assertEquals(errors, []);
  assertEquals(files.has("scripts/layers.ts"), true);
  assertEquals(imports.filter(({ from }) => from === here).map(({ to }) => to), [
    "test/_std/assert.ts",
    "scripts/module_graph.ts",
  ]);
});
