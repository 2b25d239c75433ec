/**
 * The balancer's files. Whatever is visible in a certificate directory is loaded at the next start, and one bad file there
 * keeps HAProxy from starting at all: so a file is written in a sub-directory, which HAProxy passes over, and renamed.
 *
 * @module
 */
import { describe, SidecarError } from "../../src/model/errors.ts";
import { baseName, parent } from "./paths.ts";

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
  await onDisk(path, () => putInPlace(path, text));
}

async function putInPlace(path: string, text: string): Promise<void> {
  const staging = `${parent(path)}/.staging`;
  const staged = `${staging}/${baseName(path)}`;
  await Deno.mkdir(staging, { recursive: true, mode: 0o700 });
  try {
    await writeSynced(staged, text);
    await Deno.rename(staged, path);
  } catch (error) {
    await Deno.remove(staged).catch(() => {});
    throw error;
  }
  await syncDirectory(parent(path));
}

/** Proves that files can be put into the folder, by one that every version of HAProxy passes over, and takes it out. */
export async function rehearseIn(folder: string): Promise<void> {
  const path = `${folder}/rehearsal-${crypto.randomUUID()}.sctl`;
  await onDisk(folder, async () => {
    await putInPlace(path, "");
    await Deno.remove(path);
  }, folder);
}

/** Proves that the file can be replaced, by its own text; mode and owner stay. */
export async function rehearseReplacing(path: string): Promise<void> {
  await onDisk(path, async () => {
    const { mode, uid, gid } = await Deno.stat(path);
    await putInPlace(path, await Deno.readTextFile(path));
    if (mode !== null) await Deno.chmod(path, mode & 0o777);
    // Only root can give a file away; whoever else may replace it becomes its owner, as in a swap.
    if (uid !== null) await Deno.chown(path, uid, gid).catch(() => {});
  });
}

/** Makes an empty file, mode 0640; one that is there is left alone. */
export async function createEmpty(path: string): Promise<void> {
  await onDisk(path, async () => {
    try {
      using _file = await Deno.open(path, { write: true, createNew: true, mode: 0o640 });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
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

async function onDisk<T>(path: string, work: () => Promise<T>, folder: string = parent(path)): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const why = `Cannot use ${path}: ${describe(cause)}${await accessHint(cause, folder)}`;
    const options = { field: "load_balancers", todo: todoFor(cause), cause, hop: "disk" } as const;
    throw new SidecarError("BALANCER_CONFIG", why, options);
  }
}

function todoFor(cause: unknown): string {
  // rename(2): EBUSY where the file is a mount of its own, EXDEV where it is on another file system than its folder.
  if (cause instanceof Error && "code" in cause && (cause.code === "EBUSY" || cause.code === "EXDEV")) {
    return "share its folder instead of the file alone: a file that is mounted by itself cannot be replaced in one step";
  }
  if (cause instanceof Error && "code" in cause && NO_ROOM.has(String(cause.code))) {
    return "make room on the disk of the balancer's certificates; what was there is still there";
  }
  if (cause instanceof Deno.errors.NotCapable) {
    return "start the sidecar with the permissions that its launcher computes";
  }
  return "share the balancer's certificate folder with the sidecar, for reading and writing";
}

/** write(2): the disk, the quota, or what a process may write is used up. */
const NO_ROOM: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** Who may write there and who we are, where the system refused. */
async function accessHint(cause: unknown, folder: string): Promise<string> {
  if (!(cause instanceof Deno.errors.PermissionDenied)) return "";
  try {
    const { mode, uid, gid } = await Deno.stat(folder);
    const rights = ((mode ?? 0) & 0o7777).toString(8);
    return ` (${folder} is mode ${rights} of uid ${uid} gid ${gid}; this is uid ${Deno.uid()} gid ${Deno.gid()})`;
  } catch {
    return "";
  }
}
