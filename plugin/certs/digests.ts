import defer * as nodeCrypto from "node:crypto";
import { readIfThere } from "./files.ts";

/** SHA-256 of files' texts, read again only where a file was replaced or written to. */
export interface Digests {
  /** By path; a file that is not there, or that cannot be read, is left out. */
  of(paths: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

/** Files that are looked at at once. */
const AT_ONCE = 64;

/** Makes {@linkcode Digests}. It keeps sums, never texts. */
export function digests(): Digests {
  const known = new Map<string, { readonly stamp: string; readonly digest: string }>();

  const one = async (path: string): Promise<string | undefined> => {
    const now = await stampOf(path);
    const before = known.get(path);
    if (now !== undefined && before?.stamp === now.stamp) return before.digest;
    known.delete(path);
    const text = now === undefined ? undefined : await readIfThere(path).catch(() => undefined); // who swaps it hears why
    if (now === undefined || text === undefined) return undefined;
    const digest = nodeCrypto.createHash("sha256").update(text).digest("hex");
    if (now.settled) known.set(path, { stamp: now.stamp, digest });
    return digest;
  };

  return {
    async of(paths): Promise<ReadonlyMap<string, string>> {
      const found = new Map<string, string>();
      for (let i = 0; i < paths.length; i += AT_ONCE) {
        await Promise.all(
          paths.slice(i, i + AT_ONCE).map(async (path) => {
            const digest = await one(path);
            if (digest !== undefined) found.set(path, digest);
          }),
        );
      }
      return found;
    },
  };
}

/** A file system's clock ticks, and is not ours: what was changed just now may change again without another time. */
const TICK_MS = 2_000;

/** A rename brings another inode, a write in place another time; `touch -r` and `cp -p` set one time, but not the other. */
async function stampOf(path: string): Promise<{ readonly stamp: string; readonly settled: boolean } | undefined> {
  try {
    const { dev, ino, size, mtime, ctime } = await Deno.stat(path);
    const [written, changed] = [mtime?.getTime() ?? 0, ctime?.getTime() ?? 0];
    return {
      stamp: [dev, ino, size, written, changed].join(" "),
      settled: Date.now() - Math.max(written, changed) > TICK_MS,
    };
  } catch {
    return undefined;
  }
}
