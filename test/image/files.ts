/**
 * Copies with owners and modes.
 *
 * @module
 */
import type { Owner } from "./dockerfile.ts";

/** What is changed on the way; else all stays as it is. */
export interface Changes {
  readonly owner?: Owner;
  readonly mode?: number;
}

/** Copies a file, a symbolic link, or a folder with all that is in it; a folder that is there gets what it lacks. */
export async function copyTree(source: string, target: string, changes: Changes = {}): Promise<void> {
  const info = await Deno.lstat(source);
  if (info.isSymlink) return await Deno.symlink(await Deno.readLink(source), target);
  if (info.isDirectory) {
    await Deno.mkdir(target, { recursive: true });
    for await (const { name } of Deno.readDir(source)) {
      await copyTree(`${source}/${name}`, `${target}/${name}`, changes);
    }
  } else {
    await Deno.copyFile(source, target);
  }
  await Deno.chown(target, changes.owner?.uid ?? info.uid, changes.owner?.gid ?? info.gid);
  // After the owner, as a new owner takes the set-gid bit away (chown(2)).
  await Deno.chmod(target, changes.mode ?? info.mode! & 0o7777);
}

/** Copies what is in a folder, not the folder itself. */
export async function copyContent(source: string, target: string, changes: Changes = {}): Promise<void> {
  for await (const { name } of Deno.readDir(source)) await copyTree(`${source}/${name}`, `${target}/${name}`, changes);
}
