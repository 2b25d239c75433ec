/**
 * A disk of a few megabytes in memory, to be filled and freed. Only root can make one.
 *
 * @module
 */

/** A folder on a disk of its own. Disposing takes the disk away, whoever still uses it. */
export interface SmallDisk extends Disposable {
  readonly path: string;
  /** Fills it up to so many bytes. */
  fill(left: number): void;
  /** Takes the filling away. */
  free(): void;
}

/** What is written at once. */
const CHUNK = new Uint8Array(64 * 1024);
const FILLING = ".filling";

/** Tells whether a disk can be made here. */
export function canMount(): boolean {
  return Deno.build.os === "linux" && Deno.uid() === 0;
}

/** Puts an empty disk in the place of a folder that is there. */
export function mountSmallDisk(path: string, kib: number): SmallDisk {
  run("mount", "-t", "tmpfs", "-o", `size=${kib}k,mode=700`, "kontena-soak", path);
  const filling = `${path}/${FILLING}`;
  const disk: SmallDisk = {
    path,
    fill(left): void {
      using file = Deno.openSync(filling, { write: true, create: true });
      let size = file.seekSync(0, Deno.SeekMode.End);
      for (let chunk = CHUNK; chunk.length > 0;) {
        try {
          size += file.writeSync(chunk);
        } catch {
          chunk = chunk.subarray(0, Math.floor(chunk.length / 2)); // full: the rest takes less
        }
      }
      file.truncateSync(Math.max(0, size - left));
    },
    free(): void {
      try {
        Deno.removeSync(filling);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    },
    [Symbol.dispose](): void {
      if (!mounted.delete(disk)) return;
      run("umount", "--lazy", path);
    },
  };
  mounted.add(disk);
  return disk;
}

const mounted = new Set<SmallDisk>();

/** Takes all disks away that are left: for an end that no scope sees. */
export function unmountAll(): void {
  for (const disk of mounted) disk[Symbol.dispose]();
}

function run(program: string, ...args: readonly string[]): void {
  const { success, stderr } = new Deno.Command(program, { args: [...args] }).outputSync();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
}
