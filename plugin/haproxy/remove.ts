import type { Call } from "../../src/ports.ts";
import { withoutFile } from "../certs/crt_list.ts";
import { readIfThere, removeFile, replaceFile } from "../certs/files.ts";
import { inTurn } from "../net/in_turn.ts";
import { locate } from "./locate.ts";
import { fileIn, lbPath } from "../certs/place.ts";
import { checkFile } from "../certs/pem.ts";
import { readDelete, readDeleteEntry, readEntries } from "./replies.ts";
import { command, show, type Tools } from "./tools.ts";
import { clearTransaction } from "./transaction.ts";

/**
 * Stops serving a file: its entries, the certificate in memory, its line in a crt-list, and the file last, so that nothing
 * on disk is gone that HAProxy refuses to give up (its default certificate).
 *
 * @param mine Tells by its base name whether a file is ours.
 */
export async function remove(
  tools: Tools,
  file: string,
  mine: (file: string) => boolean,
  call: Call,
): Promise<void> {
  checkFile(file);
  const { config, runtime } = tools;
  const { certificates: place } = config;
  await inTurn(runtime.key, call, async () => {
    await clearTransaction(tools, mine, call);
    const { name, status, list } = await locate(tools, file, call);
    if (status !== "absent") await dropCertificate(tools, name, list, call);
    const path = fileIn(place, file);
    if (place.kind === "crt-list") await dropLine(place.path, [name, `${lbPath(config, place.store)}/${file}`, path]);
    await removeFile(path);
  });
}

/** Takes a certificate out of its list and out of memory; nothing happens where it is in neither. */
export async function dropCertificate(tools: Tools, name: string, list: string | undefined, call: Call): Promise<void> {
  if (list !== undefined) {
    const entries = readEntries(await show(tools, `show ssl crt-list -n ${list}`, call), name);
    // Entries of a directory have no line of their own: 0.
    for (const line of entries) {
      const entry = line === 0 ? name : `${name}:${line}`;
      await command(tools, `del ssl crt-list ${list} ${entry}`, (reply) => readDeleteEntry(reply, list, name), call);
    }
  }
  await command(tools, `del ssl cert ${name}`, (reply) => readDelete(reply, name), call);
}

async function dropLine(list: string, names: readonly string[]): Promise<void> {
  const text = await readIfThere(list) ?? "";
  const without = names.reduce(withoutFile, text);
  if (without !== text) await replaceFile(list, without);
}
