/**
 * A runtime socket between the sidecar and HAProxy: it passes everything on, and lets a test do something first, or answer
 * itself what a real HAProxy cannot be brought to say.
 *
 * @module
 */

/** What a tap does with a command: pass it on, answer itself, never answer, or answer nothing. */
export type TapAnswer = undefined | string | { readonly do: "hang" | "close" };

/** A tap that listens at `path`. Disposing ends all connections. */
export interface Tap extends AsyncDisposable {
  readonly path: string;
  /** The first line of each command so far. */
  readonly commands: readonly string[];
}

/**
 * Listens at `path`.
 *
 * @param upstream HAProxy's own socket; connected to after `before` has returned.
 * @param before Is given the first line of each command.
 */
export function tapSocket(
  path: string,
  upstream: string,
  before: (command: string) => Promise<TapAnswer> | TapAnswer,
): Tap {
  const listener = Deno.listen({ transport: "unix", path });
  const commands: string[] = [];
  const open = new Set<Deno.Conn>();
  const running = (async (): Promise<void> => {
    const served: Promise<void>[] = [];
    for await (const connection of listener) served.push(serve(connection));
    await Promise.all(served);
  })();
  return {
    path,
    commands,
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      open.forEach(close);
      await running;
    },
  };

  async function serve(connection: Deno.Conn): Promise<void> {
    open.add(connection);
    try {
      const first = await readPart(connection);
      if (first === undefined) return;
      const [command = ""] = new TextDecoder().decode(first).split("\n", 1);
      commands.push(command);
      const answer = await before(command);
      if (answer === undefined) await passOn(connection, first);
      else if (typeof answer === "string") await write(connection, new TextEncoder().encode(answer));
      else if (answer.do === "hang") { while (await readPart(connection) !== undefined); }
    } catch {
      // the sidecar or HAProxy went away
    } finally {
      close(connection);
    }
  }

  async function passOn(connection: Deno.Conn, first: Uint8Array): Promise<void> {
    const target = await Deno.connect({ transport: "unix", path: upstream });
    open.add(target);
    const sending = pump(connection, target).catch(() => {});
    try {
      await write(target, first);
      await pump(target, connection);
    } finally {
      close(target);
      close(connection);
      await sending;
    }
  }

  function close(connection: Deno.Conn): void {
    open.delete(connection);
    try {
      connection.close();
    } catch {
      // closed already
    }
  }
}

async function pump(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  for (let part = await readPart(from); part !== undefined; part = await readPart(from)) await write(to, part);
}

async function readPart(connection: Deno.Conn): Promise<Uint8Array | undefined> {
  const buffer = new Uint8Array(65_536);
  const count = await connection.read(buffer);
  return count === null ? undefined : buffer.subarray(0, count);
}

async function write(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}
