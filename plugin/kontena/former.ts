/**
 * The file that was there before a swap, kept beside the directory's files until the new one is proven: a process that is
 * killed in between leaves to the next one what to put back. HAProxy passes over sub-directories.
 *
 * @module
 */
import { readIfThere, removeFile, replaceFile } from "../certs/files.ts";
import { baseName, parent } from "../certs/paths.ts";

/** The text of the file; undefined where there was none. Secret. */
export type Former = string | undefined;

/** What a swap that was not ended had to put back; undefined where there is no such swap. */
export async function formerIn(path: string): Promise<{ readonly text: Former } | undefined> {
  const text = await readIfThere(besides(path));
  return text === undefined ? undefined : { text: text === "" ? undefined : text };
}

/** Keeps what has to be put back, on disk when it resolves. */
export async function remember(path: string, former: Former): Promise<void> {
  await replaceFile(besides(path), former ?? "");
}

/** The new file is proven, or the former one is back. */
export async function forget(path: string): Promise<void> {
  await removeFile(besides(path));
}

function besides(path: string): string {
  return `${parent(path)}/.former/${baseName(path)}`;
}
