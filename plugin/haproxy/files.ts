/**
 * The balancer's files. Whatever is visible in a certificate directory is loaded at the next start, and one bad file there
 * keeps HAProxy from starting at all: so a file is written in a sub-directory, which HAProxy passes over, and renamed.
 *
 * @module
 */
import { describe, SidecarError } from "../../src/model/errors.ts";
import { baseName, parent } from "./url.ts";

/** The content of a file, or undefined where there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  return await onDisk(path, async () => {
    try {
      return await Deno.readTextFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  });
}

/** Puts `text` in the place of the file in one step; on disk when it resolves. Mode 0640. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const staging = `${parent(path)}/.staging`;
  const staged = `${staging}/${baseName(path)}`;
  await onDisk(path, async () => {
    await Deno.mkdir(staging, { recursive: true, mode: 0o700 });
    try {
      await writeSynced(staged, text);
      await Deno.rename(staged, path);
    } catch (error) {
      await Deno.remove(staged).catch(() => {});
      throw error;
    }
    await syncDirectory(parent(path));
  });
}

/** Removes the file; nothing happens where there is none. */
export async function removeFile(path: string): Promise<void> {
  await onDisk(path, async () => {
    try {
      await Deno.remove(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    await syncDirectory(parent(path));
  });
}

/** Names of what HAProxy would load from a directory. */
export async function visibleFiles(directory: string): Promise<readonly string[]> {
  return await onDisk(directory, async () => {
    const names: string[] = [];
    for await (const entry of Deno.readDir(directory)) {
      if (!entry.isDirectory && !IGNORED.test(entry.name)) names.push(entry.name);
    }
    return names;
  });
}

/** Tells what a path is. */
export async function kindOf(path: string): Promise<"file" | "directory" | undefined> {
  return await onDisk(path, async () => {
    try {
      return (await Deno.stat(path)).isDirectory ? "directory" : "file";
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  });
}

/** Dot files (from 2.6 on) and the companions of a certificate (configuration manual, `crt`). */
const IGNORED = /^\.|\.(?:key|issuer|ocsp|sctl)$/;

async function writeSynced(path: string, text: string): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true, mode: 0o640 });
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
  await file.sync();
  await Deno.chmod(path, 0o640);
}

/** Makes a rename or removal in it last (fsync(2): a file's own sync does not cover its entry). */
async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path, { read: true });
  await directory.sync();
}

async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new SidecarError("BALANCER_CONFIG", `Cannot use ${path}: ${describe(cause)}`, {
      field: "load_balancers",
      todo: "share the balancer's certificate folder with the sidecar, for reading and writing",
      cause,
    });
  }
}
