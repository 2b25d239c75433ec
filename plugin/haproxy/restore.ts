import { SidecarError } from "../../src/model/errors.ts";
import type { Call, StoredFile } from "../../src/ports.ts";
import { listsFile, withFile } from "../certs/crt_list.ts";
import { readIfThere, replaceFile } from "../certs/files.ts";
import { checkFile, checkPem } from "../certs/pem.ts";
import { fileIn } from "../certs/place.ts";
import { inTurn } from "../net/in_turn.ts";
import { ourNames } from "./inventory.ts";
import { loadedFiles } from "./locate.ts";
import { atLeast } from "./payload.ts";
import { readCommit } from "./replies.ts";
import { command, refused, type Tools } from "./tools.ts";
import { abort, clearTransaction, setCertificate, type Wanted } from "./transaction.ts";

/** A file that is loaded already. */
interface Known extends StoredFile {
  /** The name under which HAProxy has it. */
  readonly name: string;
  /** What is on disk before. */
  readonly former: string;
}

/**
 * Puts back what this HAProxy has served before, many files in one turn of the socket: all that a swap would look at anew for
 * each of them is known, and a certificate costs little more than `set` and `commit`. The files go to disk together, so that
 * they wait for it once. What is not loaded or not on disk at all, and what HAProxy refuses, is left to a swap.
 *
 * @param mine Tells by its base name whether a file is ours.
 * @returns The files that are in place; a client has to be asked whether it gets them.
 */
export async function restore(
  tools: Tools,
  files: readonly StoredFile[],
  mine: (file: string) => boolean,
  call: Call,
): Promise<ReadonlySet<string>> {
  for (const { file, pem } of files) {
    checkFile(file);
    checkPem(pem, file);
  }
  return await inTurn(tools.runtime.key, call, async () => {
    const { pid, version } = await tools.runtime.info(call);
    if (!atLeast(version, 2, 2)) return new Set();
    await clearTransaction(tools, mine, call);
    const known = await knownOf(tools, files, call);
    await Promise.all(known.map(({ file, pem }) => replaceFile(fileIn(tools.config.certificates, file), pem)));
    await keepListed(tools, known);
    const done = new Set<string>();
    for (const it of known) if (await load(tools, { ...it, version }, mine, call)) done.add(it.file);
    return (await tools.runtime.info(call)).pid === pid ? done : new Set<string>();
  });
}

async function knownOf(tools: Tools, files: readonly StoredFile[], call: Call): Promise<readonly Known[]> {
  const names = ourNames(tools, files.map((it) => it.file), await loadedFiles(tools, call));
  const known = await Promise.all(files.map(async (it): Promise<readonly Known[]> => {
    const [name, former] = [names.get(it.file), await readIfThere(fileIn(tools.config.certificates, it.file))];
    return name === undefined || former === undefined ? [] : [{ ...it, name, former }];
  }));
  return known.flat();
}

/** One that HAProxy refuses does not stop the others. */
async function load(
  tools: Tools,
  { file, name, pem, former, version }: Known & Pick<Wanted, "version">,
  mine: (file: string) => boolean,
  call: Call,
): Promise<boolean> {
  try {
    await setCertificate(tools, { file: name, pem, version }, mine, call);
    const committed = await command(tools, `commit ssl cert ${name}`, (reply) => readCommit(reply, name), call);
    if (committed === "no transaction") throw refused(`commit ssl cert ${name}`, "the worker was replaced meanwhile");
    return true;
  } catch (error) {
    call.signal.throwIfAborted();
    if (!(error instanceof SidecarError) || error.code !== "SWAP_REJECTED") throw error;
    await abort(tools, name, call);
    await replaceFile(fileIn(tools.config.certificates, file), former); // a bad one would keep HAProxy from its next start
    return false;
  }
}

/** An old crt-list on disk may lack a file that HAProxy has loaded. */
async function keepListed({ config: { certificates: place } }: Tools, known: readonly Known[]): Promise<void> {
  if (place.kind === "directory") return;
  const before = await readIfThere(place.path) ?? "";
  const isListed = (text: string, it: Known): boolean =>
    [it.name, fileIn(place, it.file)].some((name) => listsFile(text, name));
  const text = known.reduce((text, it) => isListed(text, it) ? text : withFile(text, it.name), before);
  if (text !== before) await replaceFile(place.path, text);
}
