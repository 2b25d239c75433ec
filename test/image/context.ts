/**
 * What of a folder goes to a build: `.dockerignore` as Docker reads it, for patterns without wildcards but `*` alone.
 *
 * @module
 */
import { copyTree } from "./files.ts";

/** Tells of each path whether the build gets it; the last line that matches it or a folder above it decides. */
export function contextFilter(ignoreFile: string): (path: string) => boolean {
  const lines = ignoreFile.split("\n").map((line) => line.trim()).filter((line) =>
    line !== "" && !line.startsWith("#")
  );
  const rules = lines.map((line) => ({ keep: line.startsWith("!"), pattern: line.replace(/^!/, "") }));
  const unknown = rules.find(({ pattern }) => pattern !== "*" && !/^[\w./-]+$/.test(pattern));
  if (unknown !== undefined) throw new SyntaxError(`Cannot follow .dockerignore at ${JSON.stringify(unknown.pattern)}`);
  return (path) =>
    rules.findLast(({ pattern }) => pattern === "*" || path === pattern || path.startsWith(`${pattern}/`))?.keep ??
      true;
}

/** Copies of a folder's top level what the build gets. */
export async function copyContext(folder: string, target: string): Promise<void> {
  const isKept = contextFilter(await Deno.readTextFile(`${folder}/.dockerignore`));
  await Deno.mkdir(target);
  for await (const { name } of Deno.readDir(folder)) {
    if (isKept(name)) await copyTree(`${folder}/${name}`, `${target}/${name}`, { owner: { uid: 0, gid: 0 } });
  }
}
