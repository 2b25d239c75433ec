import type { Call } from "../../src/ports.ts";
import { look } from "./locate.ts";
import { withPayload } from "./payload.ts";
import { readAdd, readCommit, readEntries, readNew } from "./replies.ts";
import { command, refused, show, type Tools } from "./tools.ts";
import { clearTransaction, setCertificate } from "./transaction.ts";

/** A challenge certificate on its way into HAProxy's memory; there is no such file. */
export interface ChallengeEntry {
  /** The crt-list or directory, as HAProxy spells it. */
  readonly list: string;
  /** Its name in memory, which is also its place below the list. */
  readonly file: string;
  readonly pem: string;
  /** The line for a crt-list where it is more than the name of the file. */
  readonly line?: string;
}

/**
 * Serves a challenge certificate at run time only: a store, the certificate, and its entry in a list. One that is there
 * already, wholly or in part, is replaced; one that a reload took away is simply put in again. The socket's turn must be held.
 *
 * @param mine Tells by its base name whether a file is ours.
 */
export async function putEntry(
  tools: Tools,
  { list, file, pem, line }: ChallengeEntry,
  mine: (file: string) => boolean,
  call: Call,
): Promise<void> {
  const { runtime } = tools;
  const { version } = await runtime.info(call);
  await clearTransaction(tools, mine, call);
  if (await look(tools, file, call) === undefined) {
    await command(tools, `new ssl cert ${file}`, (reply) => readNew(reply, file), call);
  }
  await setCertificate(tools, { file, pem, version }, mine, call);
  const committed = await command(tools, `commit ssl cert ${file}`, (reply) => readCommit(reply, file), call);
  if (committed === "no transaction") throw refused(`commit ssl cert ${file}`, "the worker was replaced meanwhile");
  const entries = readEntries(await show(tools, `show ssl crt-list -n ${list}`, call), file);
  if (entries.length > 0) return;
  const add = line === undefined
    ? `add ssl crt-list ${list} ${file}`
    : withPayload(`add ssl crt-list ${list}`, line, version);
  await command(tools, add, (reply) => readAdd(reply, list, file), call);
}
