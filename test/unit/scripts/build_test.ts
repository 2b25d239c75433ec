import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { BUNDLES } from "../../../scripts/build.ts";
import { type Outcome, quietly, ROOT } from "../../../scripts/command.ts";
import { tempDir } from "../../support/process.ts";

const ENTRY = "test/unit/scripts/fixture/entry.ts";

/** Builds as `deno task build` does, in a process of its own, so that esbuild's ends with it. */
function built(entry: string, output: string): Promise<Outcome> {
  return quietly(Deno.execPath(), ["run", "-A", "scripts/build.ts", entry, output]);
}

async function run(file: string, cwd: string, ...args: readonly string[]): Promise<unknown> {
  // Away from the source tree, without permissions and network: everything has to be in the file.
  const flags = ["run", "--no-config", "--no-remote", "--no-npm", "--no-prompt"];
  const { code, stdout, output } = await quietly(Deno.execPath(), [...flags, file, ...args], { cwd });
  assertEquals([code, output], [0, stdout]);
  return JSON.parse(stdout);
}

Deno.test("build() makes one file that runs alone and loads lazily what is imported dynamically", async () => {
  using dir = tempDir();
  const output = `${dir.path}/out/bundle.js`;
  const made = await built(ENTRY, output);
  assertEquals(made.code, 0, made.output);
  assert(!(await Deno.readTextFile(output)).includes(ROOT));
  assertEquals(await run(output, dir.path), { plain: "ec-256", before: false, after: false, pairs: [] });
  const loaded = await run(output, dir.path, "--load");
  assertEquals(loaded, { plain: "ec-256", before: false, after: true, pairs: ["loaded"] });
});

Deno.test("build() makes the same bytes again", async () => {
  using dir = tempDir();
  await built(ENTRY, `${dir.path}/a.js`);
  await built(ENTRY, `${dir.path}/b.js`);
  assertEquals(await Deno.readTextFile(`${dir.path}/a.js`), await Deno.readTextFile(`${dir.path}/b.js`));
});

Deno.test("build() refuses an entry that is missing, and writes nothing", async () => {
  using dir = tempDir();
  const { code, output } = await built("plugin/nothing.ts", `${dir.path}/a.js`);
  assertEquals(code, 1);
  assertStringIncludes(output, "plugin/nothing.ts");
  assertEquals(await Array.fromAsync(Deno.readDir(dir.path)), []);
});

Deno.test("BUNDLES has what the image starts: sidecar, launcher, health check and command line", async () => {
  assertEquals(BUNDLES.map(({ output }) => output), [
    "dist/kontena-certificates.js",
    "dist/launch.js",
    "dist/health-check.js",
    "dist/kontena.js",
  ]);
  for (const { entry } of BUNDLES) assert((await Deno.stat(`${ROOT}/${entry}`)).isFile, entry);
});
