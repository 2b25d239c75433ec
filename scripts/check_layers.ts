/**
 * Part of the gate: imports run one way (scripts/layers.ts), every file is used, the library does not touch the world.
 *
 * @module
 */
import { ROOT } from "./command.ts";
import { violations } from "./layers.ts";
import { moduleGraph } from "./module_graph.ts";
import { worldly } from "./worldly.ts";

/** What is run, imported by users, or tested; besides these, all scripts and all tests. */
const ENTRIES = ["mod.ts", "plugin/main.ts", "plugin/launch.ts", "plugin/health_check.ts", "plugin/cli/main.ts"];

/** Where a file has to be reached by a root. */
const USED = ["src", "plugin", "test/ca", "test/lb"];

/** The TypeScript files of a folder and those below it, sorted; none where there is no such folder. */
export async function sources(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(`${ROOT}/${folder}`)) {
      if (isDirectory) found.push(...await sources(`${folder}/${name}`));
      else if (/\.tsx?$/.test(name)) found.push(`${folder}/${name}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort();
}

/** All that is wrong with the house; none where it stands. */
export async function problems(): Promise<readonly string[]> {
  const [scripts, tests, library, used] = await Promise.all([
    sources("scripts"),
    sources("test"),
    sources("src"),
    Promise.all(USED.map(sources)),
  ]);
  const roots = [...ENTRIES, ...scripts, ...tests.filter((path) => path.endsWith("_test.ts"))];
  const graph = await moduleGraph(roots.filter(exists));
  const unused = ["mod.ts", ...used.flat()].filter((path) => !graph.files.has(path));
  return [
    ...graph.errors,
    ...violations(graph.imports),
    ...unused.map((path) => `${path} is used by no entry, script or test`),
    ...(await Promise.all(library.map(touches))).flat(),
  ];
}

async function touches(path: string): Promise<readonly string[]> {
  const found = worldly(await Deno.readTextFile(`${ROOT}/${path}`));
  return found.map(({ line, text }) => `${path}:${line} touches the world: ${text}`);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(`${ROOT}/${path}`).isFile;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  const found = await problems();
  for (const problem of found) console.log(problem);
  Deno.exit(found.length === 0 ? 0 : 1);
}
