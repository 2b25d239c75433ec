/**
 * The database's file: whose it is, who may read it, who holds it.
 *
 * @module
 */
import { SidecarError } from "../../src/model/errors.ts";
import { APPLICATION_ID } from "./schema.ts";

/** The first 16 bytes of every SQLite database. */
const MAGIC = "SQLite format 3\0";

/** Refuses a file that is not a database of ours; only looks at its header. Fresh is what is missing or empty. */
export function checkHeader(path: string): "fresh" | "ours" {
  const header = readHeader(path);
  if (header === undefined || header.length === 0) return "fresh";
  if (new TextDecoder("latin1").decode(header.subarray(0, MAGIC.length)) !== MAGIC) {
    throw notOurs(path, "it is not an SQLite database");
  }
  if (header.length < 100) throw notOurs(path, "it is cut off");
  if (new DataView(header.buffer).getUint32(68) !== APPLICATION_ID) {
    throw notOurs(path, "it belongs to another program");
  }
  return "ours";
}

/** The file itself, where the path is a link to it: the lock stands beside the file, not beside each link. */
export function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}

/** Makes the folder of the file where there is none, for this user only. */
export function createFolder(path: string): void {
  Deno.mkdirSync(folderOf(path), { recursive: true, mode: 0o700 });
}

/** Makes the file, readable for this user only; SQLite gives its companions the same mode. */
export function createFile(path: string): void {
  Deno.openSync(path, { write: true, create: true, mode: 0o600 }).close();
  using folder = Deno.openSync(folderOf(path));
  folder.syncSync(); // a new name is only durable once its folder is
}

/** Takes the file for this process, until it is disposed of. The lock goes with the process, however that ends. */
export function lockFile(path: string): Disposable {
  const file = Deno.openSync(`${path}.lock`, { read: true, write: true, create: true, mode: 0o600 });
  try {
    if (!file.tryLockSync(true)) throw inUse(path, readText(file));
    file.truncateSync();
    file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
  } catch (error) {
    file.close();
    throw error;
  }
  return { [Symbol.dispose]: () => file.close() };
}

function readHeader(path: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    using file = Deno.openSync(path);
    const header = new Uint8Array(100);
    return header.slice(0, file.readSync(header) ?? 0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function readText(file: Deno.FsFile): string {
  const bytes = new Uint8Array(32);
  return new TextDecoder().decode(bytes.subarray(0, file.readSync(bytes) ?? 0)).trim();
}

function folderOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end < 0 ? "." : path.slice(0, end) || "/";
}

function inUse(path: string, pid: string): SidecarError {
  const holder = pid === String(Deno.pid) ? "this process already" : `another process (pid ${pid || "unknown"})`;
  return new SidecarError("VAULT_UNAVAILABLE", `The database ${path} is in use by ${holder}`, {
    field: "VAULT_URL",
    todo: "end that process, or give this one a database of its own",
  });
}

function notOurs(path: string, why: string): SidecarError {
  return new SidecarError("VAULT_UNAVAILABLE", `Cannot open the database ${path}: ${why}`, {
    field: "VAULT_URL",
    todo: "name the right file, or restore it from a backup; this one was left as it is",
  });
}
