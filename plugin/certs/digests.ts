import defer * as nodeCrypto from "node:crypto";
import type { Changes } from "./changes.ts";
import { readIfThere } from "./files.ts";
import { stampOf } from "./stamp.ts";

/** SHA-256 of files' texts, read again only where a file was replaced or written to. */
export interface Digests {
  /** By path; a file that is not there, or that cannot be read, is left out. */
  of(paths: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** The file will not be asked for any more. */
  forget(path: string): void;
}

/** Files that are looked at at once. */
const AT_ONCE = 64;

/**
 * Makes {@linkcode Digests}. It keeps sums, never texts.
 *
 * @param changes Hears of each file that is looked at.
 */
export function digests(changes?: Pick<Changes, "seen">): Digests {
  const known = new Map<string, { readonly stamp: string; readonly digest: string }>();

  const one = async (path: string): Promise<string | undefined> => {
    const now = await stampOf(path);
    changes?.seen(path, now);
    const before = known.get(path);
    if (now !== undefined && before?.stamp === now.text) return before.digest;
    known.delete(path);
    const text = now === undefined ? undefined : await readIfThere(path).catch(() => undefined); // who swaps it hears why
    if (now === undefined || text === undefined) return undefined;
    const digest = nodeCrypto.createHash("sha256").update(text).digest("hex");
    if (now.settled) known.set(path, { stamp: now.text, digest });
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
    forget: (path) => void known.delete(path),
  };
}
