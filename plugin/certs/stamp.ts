/** By what a file on disk is known without reading it. */
export interface Stamp {
  /** Differs as soon as the file was replaced or written to, once it has `settled`. */
  readonly text: string;
  /** Changed long enough ago that its next change has another time. */
  readonly settled: boolean;
}

/** A file system's clock ticks, and is not ours: what was changed just now may change again without another time. */
const TICK_MS = 2_000;

/**
 * The stamp of a file or folder; undefined where it cannot be seen. A rename brings another inode, a write in place another
 * time; `touch -r` and `cp -p` set one time, but not the other.
 */
export async function stampOf(path: string): Promise<Stamp | undefined> {
  try {
    const { dev, ino, size, mtime, ctime } = await Deno.stat(path);
    const [written, changed] = [mtime?.getTime() ?? 0, ctime?.getTime() ?? 0];
    return {
      text: [dev, ino, size, written, changed].join(" "),
      settled: Date.now() - Math.max(written, changed) > TICK_MS,
    };
  } catch {
    return undefined;
  }
}
