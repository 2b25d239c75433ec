import { assertEquals } from "@std/assert";
import { complaints, runs } from "../../../scripts/run_tests.ts";

const there = (path: string): boolean => ["mod.ts", "src", "test", "test/integration"].includes(path);

Deno.test("runs() keeps tests of real programs apart from those that may run side by side", () => {
  assertEquals(runs([], there), [
    ["--parallel", "--doc", "--ignore=test/integration,test/e2e", "mod.ts", "src", "test"],
    ["test/integration"],
  ]);
});

Deno.test("runs() hands options on to both", () => {
  const both = runs(["--filter", "parse"], there);
  assertEquals(both.map((args) => args.join(" ").includes("--filter parse")), [true, true]);
});

Deno.test("runs() takes files and folders instead of everything", () => {
  assertEquals(runs(["test/integration", "--fail-fast"], there), [["test/integration", "--fail-fast"]]);
});

Deno.test("runs() leaves out a run that has no folder", () => {
  assertEquals(runs([], (path) => path === "test").length, 1);
});

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
