import { assert, assertEquals } from "@std/assert";
import { complaints, runs, testFolders } from "../../../scripts/run_tests.ts";
import { ROOT } from "../../../scripts/command.ts";

const there = (path: string): boolean => ["mod.ts", "src", "test/e2e"].includes(path);
const folders = ["test/ca", "test/e2e", "test/unit"];

for (
  const [what, args, ...expected] of [
    [
      "everything that is there, with the examples, in two runs that share no test",
      [],
      ["--parallel", "test/unit"],
      ["--doc", "mod.ts", "src", "test/ca", "test/e2e"],
    ],
    [
      "everything with options",
      ["--filter", "parse"],
      ["--parallel", "--filter", "parse", "test/unit"],
      ["--doc", "--filter", "parse", "mod.ts", "src", "test/ca", "test/e2e"],
    ],
    ["files and folders instead", ["test/e2e", "--fail-fast"], ["test/e2e", "--fail-fast"]],
  ] as const
) {
  Deno.test(`runs() takes ${what}`, () => assertEquals(runs(args, folders, there), expected.map((it) => [...it])));
}

Deno.test("runs() takes each file of tests once", () => {
  const paths = runs([], testFolders(), () => true).flat();
  const tests = filesBelow("test").filter((it) => it.endsWith("_test.ts"));
  assert(tests.length > 200, `only ${tests.length} files were found`);
  for (const file of tests) assertEquals(paths.filter((it) => file.startsWith(`${it}/`)).length, 1, file);
});

function filesBelow(folder: string): readonly string[] {
  return [...Deno.readDirSync(`${ROOT}/${folder}`)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

Deno.test("complaints() does not let CI ignore a test", () => {
  const report = { passed: 1, failed: [], ignored: ["a [needs haproxy]"] };
  assertEquals(complaints(report, false, []), []);
  assertEquals(complaints(report, true, []), ["Nothing may be ignored in CI, but 1 were."]);
  assertEquals(complaints({ ...report, ignored: [] }, true, []), []);
});

Deno.test("complaints() names the checks that failed before", () => {
  assertEquals(complaints({ passed: 1, failed: [], ignored: [] }, false, ["lint", "types"]), [
    "Checks that failed before the tests: lint, types",
  ]);
});
