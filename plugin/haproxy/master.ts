import type { Call } from "../../src/ports.ts";
import { Received, withConnection, writeAll } from "../net/connection.ts";

/**
 * Sends one command to the socket of HAProxy's master. It leaves the connection open after its answer, unless its other half
 * is closed; before 2.8 it answers nothing to `reload`.
 */
export async function askMaster(path: string, command: string, call: Call): Promise<string> {
  return await withConnection({ transport: "unix", path }, call, async (connection) => {
    await writeAll(connection, new TextEncoder().encode(`${command}\n`));
    await connection.closeWrite();
    const received = new Received();
    // A master that begins anew at once drops the connection.
    while (received.bytes.length < 16_384 && await received.more(connection).catch(() => false));
    return new TextDecoder().decode(received.bytes);
  });
}
