import type { TLSSocket } from "node:tls";
import { openTls, readAnswer, request, type Site } from "./visit.ts";

/** A connection that stays open over all swaps. */
export interface OpenConnection extends Disposable {
  /** Requests that were answered on it. */
  readonly answered: number;
  /**
   * Makes one more request on it.
   *
   * @returns The HAProxy process that answered.
   * @throws {Error} If the connection is no longer open, or the answer is not 200.
   */
  ask(): Promise<number>;
}

const TIMEOUT_MS = 10_000;

/** Opens it, verified as each visitor's is, and makes the first request. */
export async function openConnection(site: Site, name: string): Promise<OpenConnection> {
  const socket = openTls(site, name);
  const ended = closed(socket);
  ended.catch(() => {});
  let answered = 0;
  const connection: OpenConnection = {
    get answered(): number {
      return answered;
    },
    async ask(): Promise<number> {
      const pid = await exchange(socket, name, ended);
      answered += 1;
      return pid;
    },
    [Symbol.dispose]: () => socket.destroy(),
  };
  try {
    await connection.ask();
    return connection;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function exchange(socket: TLSSocket, name: string, ended: Promise<never>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let text = "";
  const read = (part: string): void => {
    text += part;
    const pid = readAnswer(text);
    if (pid !== undefined) resolve(pid);
  };
  const late = setTimeout(
    () => reject(new Error(`the open connection: no answer 200 within ${TIMEOUT_MS} ms, but ${JSON.stringify(text)}`)),
    TIMEOUT_MS,
  );
  socket.on("data", read);
  socket.write(request(name, "keep-alive"));
  try {
    return await Promise.race([promise, ended]);
  } finally {
    clearTimeout(late);
    socket.off("data", read);
  }
}

/** Rejects when the connection ends, by whomever. */
function closed(socket: TLSSocket): Promise<never> {
  return new Promise((_, reject) => {
    socket.on("error", reject);
    socket.on("end", () => reject(new Error("the open connection was closed by HAProxy")));
    socket.on("close", () => reject(new Error("the open connection was closed")));
  });
}
