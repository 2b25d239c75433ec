import type { Call } from "../../src/ports.ts";
import { checkSize, type Version, withPayload } from "./payload.ts";
import { hasTransactionPart, readAbort, readSet, readTransaction } from "./replies.ts";
import { command, refused, show, type Tools } from "./tools.ts";
import { baseName } from "../certs/paths.ts";

/** How long another client's open transaction is waited for, in milliseconds. */
const PATIENCE = 30_000;

/** Tries of one `set` that came between another client's `set` and `commit`. */
const SET_TRIES = 5;

/**
 * Sees to it that no transaction is open. HAProxy has one per process, without an owner or a timeout: a client that died
 * leaves it open for ever. Ours can only be left over, since we hold the socket's turn; another client's gets time.
 *
 * @param mine Tells by its base name whether a file is ours.
 */
export async function clearTransaction(tools: Tools, mine: (file: string) => boolean, call: Call): Promise<void> {
  const { clock, config, events } = tools;
  for (let waited = 0;;) {
    const file = await openTransaction(tools, call);
    if (file === undefined) return;
    const foreign = !mine(baseName(file));
    if (!foreign || waited >= PATIENCE) {
      await abort(tools, file, call);
      events.emit({
        level: foreign ? "warn" : "info",
        name: "balancer.transaction_aborted",
        text: `${config.name}: an unfinished change of ${file} ${foreign ? "by another client " : ""}was aborted`,
        fields: { balancer: config.name, file, foreign },
      });
      return;
    }
    const wait = 500 + Math.round(1_000 * clock.random());
    await clock.sleep(wait, call);
    waited += wait;
  }
}

/** What is to be in a transaction. */
export interface Wanted {
  /** As HAProxy spells it. */
  readonly file: string;
  readonly pem: string;
  /** Of the HAProxy that is told. */
  readonly version: Version;
}

/**
 * Opens the transaction for the file with this PEM. Leaves none open for a file of somebody else.
 *
 * @throws {SidecarError} `SWAP_REJECTED` if it is too large to be sent, or HAProxy does not take it.
 */
export async function setCertificate(
  tools: Tools,
  { file, pem, version }: Wanted,
  mine: (file: string) => boolean,
  call: Call,
): Promise<void> {
  const message = withPayload(`set ssl cert ${file}`, pem, version);
  checkSize(message, version, baseName(file));
  for (let tries = 1; tries <= SET_TRIES; tries++) {
    const outcome = await command(tools, message, (reply) => readSet(reply, file), call);
    if (outcome === "done") return;
    // Our certificate is now in the transaction for another file: its owner must not commit that.
    if (outcome !== "foreign") await abort(tools, outcome.overwrote, call);
    await clearTransaction(tools, mine, call);
  }
  throw refused(message, "another client opens transactions faster than they can be waited for");
}

/** Gives up the transaction for the file, where one is open. */
export async function abort(tools: Tools, file: string, call: Call): Promise<void> {
  await command(tools, `abort ssl cert ${file}`, (reply) => readAbort(reply, file), call);
}

async function openTransaction(tools: Tools, call: Call): Promise<string | undefined> {
  // It stands before the list of all files, which may be long. Where none is loaded, HAProxy says nothing at all.
  const options = { enough: hasTransactionPart, mayBeEmpty: true };
  return readTransaction(await show(tools, "show ssl cert", call, options));
}
