/**
 * Whether what we see on disk is what HAProxy has loaded: two containers may have different folders under the same path.
 *
 * @module
 */
import type { Call } from "../../src/ports.ts";
import { listsFile } from "../certs/crt_list.ts";
import { readIfThere, visibleFiles } from "../certs/files.ts";
import { leafOf } from "../certs/on_disk.ts";
import { baseName, parent } from "../certs/paths.ts";
import { lbPath } from "../certs/place.ts";
import { PLACEHOLDER } from "../certs/placeholder.ts";
import { sha1 } from "../certs/prove.ts";
import { isSniFile } from "../certs/sni_file.ts";
import { isChallengeFile } from "./alpn.ts";
import { loadedFiles, look } from "./locate.ts";
import { readEntryFiles } from "./replies.ts";
import { misconfigured, show, type Tools } from "./tools.ts";

/**
 * Compares the files of a list that HAProxy has loaded with those on our disk. Where it has none, nothing can be said.
 *
 * @param list As HAProxy spells it.
 * @returns How many it has loaded.
 * @throws {SidecarError} `BALANCER_CONFIG` if none of them is here.
 */
export async function checkShared(tools: Tools, list: string, call: Call): Promise<number> {
  const { certificates: place } = tools.config;
  if (place.kind === "directory") {
    const loaded = (await loadedFiles(tools, call)).filter((it) => parent(it) === list && !isInMemory(it));
    await checkFolder(tools, place.path, list, loaded, call);
    return loaded.length;
  }
  const reply = await show(tools, `show ssl crt-list -n ${list}`, call);
  const entries = readEntryFiles(reply).filter((it) => !isInMemory(it));
  const text = await readIfThere(place.path) ?? "";
  if (entries.length > 0 && !entries.some((it) => listsFile(text, it))) {
    throw notTheSame(tools, place.path, list, entries);
  }
  const store = lbPath(tools.config, place.store);
  await checkFolder(tools, place.store, store, entries.filter((it) => parent(it) === store), call);
  return entries.length;
}

async function checkFolder(
  tools: Tools,
  folder: string,
  theirs: string,
  loaded: readonly string[],
  call: Call,
): Promise<void> {
  if (loaded.length === 0) return;
  const here = new Set(await visibleFiles(folder));
  const alike = loaded.filter((it) => here.has(baseName(it)));
  if (alike.some((it) => baseName(it) !== PLACEHOLDER)) return;
  // Each sidecar makes a placeholder of its own: that one proves nothing by its name.
  const [placeholder] = alike;
  if (placeholder !== undefined && await sameLeaf(tools, placeholder, `${folder}/${PLACEHOLDER}`, call)) return;
  throw notTheSame(tools, folder, theirs, loaded);
}

async function sameLeaf(tools: Tools, name: string, path: string, call: Call): Promise<boolean> {
  const leaf = leafOf(await readIfThere(path) ?? "");
  if (leaf === undefined) return false;
  return (await look(tools, name, call))?.sha1 === sha1(leaf.raw);
}

function notTheSame(tools: Tools, ours: string, theirs: string, loaded: readonly string[]): Error {
  const shown = loaded.slice(0, 3).map(baseName).join(", ");
  return misconfigured(
    tools,
    `${ours} is not what HAProxy loads as ${theirs}: ${shown}${loaded.length > 3 ? ", …" : ""} of there ${
      loaded.length === 1 ? "is" : "are"
    } not here`,
    "share the balancer's own folder with the sidecar, or set certs=, store= and lb-root= to it",
  );
}

/** Challenge certificates have no file. */
function isInMemory(file: string): boolean {
  return isSniFile(baseName(file)) || isChallengeFile(baseName(file));
}
