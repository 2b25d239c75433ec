/**
 * A door in front of a TCP server: it counts who goes in, and can be shut.
 *
 * @module
 */
import { freePort } from "./process.ts";

/** A door; shut at first. Disposing ends all connections. */
export interface Gate extends AsyncDisposable {
  readonly port: number;
  /** Connections that went in so far. */
  readonly connections: number;
  /** Listens from now on. */
  open(): void;
}

/** Makes a door to `target` on 127.0.0.1. */
export function gateTo(target: number): Gate {
  const port = freePort();
  const sockets = new Set<Deno.Conn>();
  const works: Promise<void>[] = [];
  let connections = 0;
  let listener: Deno.Listener | undefined;

  const pass = async (guest: Deno.Conn): Promise<void> => {
    const host = await Deno.connect({ hostname: "127.0.0.1", port: target });
    for (const socket of [guest, host]) sockets.add(socket);
    await joined(guest, host);
  };
  const listen = async (from: Deno.Listener): Promise<void> => {
    for await (const guest of from) {
      connections++;
      works.push(pass(guest));
    }
  };
  return {
    port,
    get connections(): number {
      return connections;
    },
    open(): void {
      listener = Deno.listen({ hostname: "127.0.0.1", port });
      works.push(listen(listener));
    },
    async [Symbol.asyncDispose](): Promise<void> {
      listener?.close();
      sockets.forEach(close);
      await Promise.allSettled(works);
    },
  };
}

/** Makes one connection of two; resolves when both have ended. */
export async function joined(one: Deno.Conn, other: Deno.Conn): Promise<void> {
  await Promise.allSettled([pump(one, other), pump(other, one)]);
}

/** Passes on until one side ends, and then ends the other. */
async function pump(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  try {
    await from.readable.pipeTo(to.writable);
  } finally {
    close(from);
    close(to);
  }
}

function close(socket: Deno.Conn): void {
  try {
    socket.close();
  } catch {
    // closed already
  }
}
