import type { Call } from "../../src/ports.ts";
import { abortable } from "./deadline.ts";

/** Where a TCP service listens. */
export interface Endpoint {
  readonly hostname: string;
  readonly port: number;
}

/** Where a stream service listens. */
export type Address =
  | { readonly transport: "unix"; readonly path: string }
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number };

/**
 * For `node:net` and what is built on it: of a name's several addresses only the first is tried. Where it tries all, Deno
 * asks for the right to reach each address, which a right to reach the name is not, and the refusal ends the process.
 */
export const ONE_ADDRESS = { autoSelectFamily: false } as const;

/** Opens a connection for the time of `work`; closed on every way out, and at once when the signal aborts. */
export async function withConnection<T>(
  address: Address,
  call: Call,
  work: (connection: Deno.Conn) => Promise<T>,
): Promise<T> {
  const connection = await open(address, call);
  const onAbort = (): void => close(connection);
  call.signal.addEventListener("abort", onAbort, { once: true });
  try {
    call.signal.throwIfAborted();
    return await work(connection);
  } finally {
    call.signal.removeEventListener("abort", onAbort);
    close(connection);
  }
}

/** Sends all of it. */
export async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** What was received so far, in a buffer that grows by doubling. */
export class Received {
  #buffer = new Uint8Array(16_384);
  #length = 0;

  /** Waits for more; false at the end of the stream. */
  async more(connection: Deno.Conn): Promise<boolean> {
    if (this.#length === this.#buffer.length) this.#grow();
    const count = await connection.read(this.#buffer.subarray(this.#length));
    this.#length += count ?? 0;
    return count !== null;
  }

  /** A view, valid until the next call of `more`. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(): void {
    const larger = new Uint8Array(this.#buffer.length * 2);
    larger.set(this.#buffer);
    this.#buffer = larger;
  }
}

async function open(address: Address, call: Call): Promise<Deno.Conn> {
  call.signal.throwIfAborted();
  if (address.transport === "tcp") return await Deno.connect({ ...address, signal: call.signal });
  // A unix socket with a full backlog keeps connect waiting, and it takes no signal.
  const opening = Deno.connect(address);
  try {
    return await abortable(opening, call);
  } catch (error) {
    opening.then(close, () => {});
    throw error;
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // the abort listener was first
  }
}
