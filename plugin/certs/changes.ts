import type { Call } from "../../src/ports.ts";
import { parent } from "./paths.ts";
import { type Stamp, stampOf } from "./stamp.ts";

/**
 * Notices files that somebody else changes, at a price that can be paid each second: one look at their folder, which tells of
 * every file that is replaced, made or removed there, and one at some of the files, for those that are written to in place.
 * It looks instead of listening: what another host or container does to a shared volume reaches no listener (inotify(7)).
 */
export interface Changes {
  /** A file as it was just before it was read. */
  seen(path: string, stamp: Stamp | undefined): void;
  /** What was done to these until now was done by us. */
  own(paths: readonly string[]): Promise<void>;
  /** The files that have changed since; each change is told once. Ends with the signal. */
  since(call: Call): Promise<readonly string[]>;
}

/** Files that are looked at with each question: some 10 ms. */
const ROUND = 500;
/** Files that are looked at at once. */
const AT_ONCE = 64;

/** Makes {@linkcode Changes} of files that were not seen yet. */
export function changes(): Changes {
  const files = new Map<string, string | undefined>();
  const folders = new Map<string, string | undefined>();
  let next = 0;

  /** A folder that was changed a moment ago counts as changed once more. */
  const isChanged = async (folder: string): Promise<boolean> => {
    const now = await stampOf(folder);
    const before = folders.get(folder);
    folders.set(folder, now?.settled === false ? undefined : now?.text);
    return before === undefined || before !== now?.text;
  };

  const round = async (): Promise<readonly string[]> => {
    const all = [...files.keys()];
    const inFolders = await Promise.all([...new Set(all.map(parent))].map(isChanged));
    if (inFolders.includes(true)) return all;
    if (next >= all.length) next = 0;
    return all.slice(next, next += ROUND);
  };

  return {
    seen: (path, stamp) => void files.set(path, stamp?.text),
    async own(paths): Promise<void> {
      for (const path of paths) {
        const stamp = await stampOf(path);
        if (stamp === undefined) files.delete(path);
        else files.set(path, stamp.text);
      }
    },
    async since({ signal }): Promise<readonly string[]> {
      signal.throwIfAborted();
      const paths = await round();
      const changed: string[] = [];
      const look = async (path: string): Promise<void> => {
        const now = (await stampOf(path))?.text;
        if (!files.has(path) || now === files.get(path)) return;
        files.set(path, now);
        changed.push(path);
      };
      for (let i = 0; i < paths.length; i += AT_ONCE) {
        signal.throwIfAborted();
        await Promise.all(paths.slice(i, i + AT_ONCE).map(look));
      }
      return changed;
    },
  };
}
