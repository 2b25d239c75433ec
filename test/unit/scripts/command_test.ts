import { assert, assertEquals } from "@std/assert";
import { lastLines, openly, quietly, ROOT } from "../../../scripts/command.ts";

const SHELL = "/bin/sh";

Deno.test("quietly() keeps both streams and the exit code, and gives no standard input", async () => {
  assertEquals(await quietly(SHELL, ["-c", "cat; echo out; echo err >&2; exit 3"]), {
    code: 3,
    stdout: "out\n",
    output: "out\nerr\n",
  });
});

Deno.test("quietly() runs at the top of the tree, or where it is told, with the environment that it is given", async () => {
  assertEquals((await quietly(SHELL, ["-c", "pwd"])).stdout, `${ROOT}\n`);
  const { stdout } = await quietly(SHELL, ["-c", 'pwd; echo "$A"'], { cwd: "/", env: { A: "b" } });
  assertEquals(stdout, "/\nb\n");
});

Deno.test("openly() returns the exit code, that of SIGTERM when its signal aborts", async () => {
  assertEquals(await openly(SHELL, ["-c", "exit 4"]), 4);
  const begin = performance.now();
  assertEquals(await openly(SHELL, ["-c", "exec sleep 60"], { signal: AbortSignal.timeout(50) }), 143);
  assert(performance.now() - begin < 30_000);
});

Deno.test("lastLines() keeps the end of a text", () => {
  assertEquals(lastLines("a\nb\nc\n\n", 2), "b\nc");
  assertEquals(lastLines("a", 2), "a");
});
