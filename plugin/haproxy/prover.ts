import type { Call } from "../../src/ports.ts";
import type { Prover } from "../certs/prove.ts";
import { loadedFiles, look } from "./locate.ts";
import type { Tools } from "./tools.ts";

/** Loaded files that are looked through for the one that answers a name. */
const MAX_FILES = 2_000;

/** Proves by the balancer's probe address, and knows the files that HAProxy has in memory. */
export function proverOf(tools: Tools): Prover {
  const { config, clock } = tools;
  return { ...config, clock, filesBySha1: (wanted, call) => filesBySha1(tools, wanted, call) };
}

async function filesBySha1(
  tools: Tools,
  wanted: ReadonlySet<string>,
  call: Call,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const file of (await loadedFiles(tools, call)).slice(0, MAX_FILES)) {
    const sum = (await look(tools, file, call))?.sha1;
    if (sum !== undefined && wanted.has(sum) && !found.has(sum)) found.set(sum, file);
    if (found.size === wanted.size) break;
  }
  return found;
}
