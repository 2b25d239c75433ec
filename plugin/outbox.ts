/**
 * The outbox as a folder of its own: an entry a file, written whole and synced before it has its name.
 *
 * @module
 */
import { type Call, describe, type Outbox, type OutboxEntry, SidecarError } from "../mod.ts";

const ENTRY = /^(\d+)\.sealed$/;

/** Makes the outbox of a folder, which is made when something has to wait; only this user can read it. */
export function outboxFolder(folder: string): Outbox {
  const path = (id: string): string => `${folder}/${id}.sealed`;
  const usable = <T>({ signal }: Call, work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    return work().catch((cause: unknown) => {
      throw new SidecarError("VAULT_UNAVAILABLE", `Cannot use the outbox ${folder}: ${describe(cause)}`, {
        cause,
        field: "VAULT_OUTBOX",
        todo: "make the folder writable for the sidecar, best on another disk than the vault",
      });
    });
  };
  return {
    list: (call) => usable(call, async () => await Promise.all((await idsIn(folder)).map((id) => read(id, path(id))))),
    put: ({ id, sealed }, call) => usable(call, () => write(folder, path(id), sealed)),
    remove: (id, call) => usable(call, () => removeIfThere(path(id))),
  };
}

async function idsIn(folder: string): Promise<readonly string[]> {
  try {
    const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    return names.flatMap((name) => ENTRY.exec(name)?.[1] ?? []).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function read(id: string, path: string): Promise<OutboxEntry> {
  return { id, sealed: await Deno.readFile(path) };
}

async function write(folder: string, path: string, sealed: Uint8Array): Promise<void> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const staged = `${path}.part`;
  try {
    await writeSynced(staged, sealed);
    await Deno.rename(staged, path);
  } catch (error) {
    await Deno.remove(staged).catch(() => {}); // what is left has no name that counts
    throw error;
  }
  // A new name is only durable once its folder is (fsync(2)).
  using directory = await Deno.open(folder);
  await directory.sync();
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true, mode: 0o600 });
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
  await file.sync();
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
