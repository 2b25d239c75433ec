import type { TLSSocket } from "node:tls";

/** Somebody who stays on one connection and asks again and again. */
export interface Guest<T> extends Disposable {
  /**
   * Makes one more request on it.
   *
   * @returns What was answered.
   * @throws {Error} If the connection is no longer open.
   */
  ask(): Promise<T>;
}

/** Longer than any answer takes, on the slowest machine. */
const TIMEOUT_MS = 10_000;

/** Makes a {@linkcode Guest} of a connection: says hello, and asks for the first time. */
export async function guestOn<T>(
  socket: TLSSocket,
  hello: () => Promise<void> | void,
  ask: () => Promise<T>,
): Promise<Guest<T>> {
  const guest: Guest<T> = {
    async ask(): Promise<T> {
      const late = setTimeout(() => socket.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
      try {
        return await ask();
      } finally {
        clearTimeout(late);
      }
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
  try {
    await hello();
    await guest.ask();
    return guest;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
