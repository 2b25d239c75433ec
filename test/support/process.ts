/**
 * Real programs under test: found, started on free loopback ports, ended by pid.
 *
 * @module
 */

/** Directories where Debian puts programs, also those for root. */
const BIN = ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin", "/sbin", "/bin"];

/**
 * The path of a program, also of one that only this user has, or undefined where it is not installed. Those in the folder
 * `KONTENA_TEST_PROGRAMS` come first.
 */
export function find(program: string): string | undefined {
  const folders = (name: string): readonly string[] =>
    (Deno.env.get(name) ?? "").split(":").filter((dir) => dir.startsWith("/"));
  return [...folders("KONTENA_TEST_PROGRAMS"), ...BIN, ...folders("PATH")].map((dir) => `${dir}/${program}`).find(
    (path) => {
      try {
        return Deno.statSync(path).isFile;
      } catch {
        return false;
      }
    },
  );
}

/** Tells whether all of the programs are installed. */
export function has(...programs: readonly string[]): boolean {
  return programs.every((program) => find(program) !== undefined);
}

/** Below the ports that the system gives to outgoing connections: one of those could take a free port before its program does. */
const PORTS = { first: 20_000, count: 12_000 } as const;
const handedOut = new Set<number>();

/** A TCP port of 127.0.0.1 that nobody listens on, and that this process has not been given before. */
export function freePort(): number {
  for (let tries = 0; tries < 1_000; tries++) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    try {
      using _listener = Deno.listen({ hostname: "127.0.0.1", port });
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("there is no free port");
}

/** A new directory that goes away with its scope. */
export function tempDir(): Disposable & { readonly path: string } {
  const path = Deno.makeTempDirSync({ prefix: "kontena-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/** A program that runs. Disposing ends it: SIGTERM, and SIGKILL after two seconds. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** All that it wrote so far, both streams. */
  output(): string;
  /** Its exit code; for one that was ended by a signal, 128 + its number. */
  readonly exit: Promise<number>;
  kill(signal: Deno.Signal): void;
}

/** What {@linkcode start} can be told. */
export interface StartOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly clearEnv?: boolean;
}

/** Starts a program. */
export function start(program: string, options: StartOptions = {}): Running {
  const child = new Deno.Command(program.startsWith("/") ? program : find(program) ?? program, {
    args: [...options.args ?? []],
    env: { ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    clearEnv: options.clearEnv ?? false,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) text += part;
  };
  const drained = Promise.all([read(child.stdout), read(child.stderr)]);
  const exit = child.status.then(async (status) => {
    await drained;
    return status.code;
  });
  const kill = (signal: Deno.Signal): void => {
    try {
      child.kill(signal);
    } catch {
      // it has ended already
    }
  };
  return {
    pid: child.pid,
    output: () => text,
    exit,
    kill,
    async [Symbol.asyncDispose](): Promise<void> {
      kill("SIGTERM");
      const late = setTimeout(() => kill("SIGKILL"), 2_000);
      await exit;
      clearTimeout(late);
    },
  };
}

/** Waits until `look` gives something other than undefined or false; looks each 20 ms; fails after `ms`. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  ms = 10_000,
): Promise<T> {
  const end = performance.now() + ms;
  for (let last: unknown;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`${what}: not within ${ms} ms`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Tells whether something accepts TCP connections there. */
export async function listening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
