/**
 * The sidecar as the process that people run, with its command line.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { makeSealer, type Records, recordsOf, type Vault } from "../../mod.ts";
import { systemClock } from "../../plugin/clock.ts";
import { openSqlite, sqliteLedger, sqliteVault } from "../../plugin/sqlite/mod.ts";
import { freePort, type Running, start, tempDir, until } from "./process.ts";

/** What a sidecar is started with. */
export interface SidecarOptions {
  /** Variables of the environment; the ports, the vault and the log are chosen by {@linkcode startSidecarProcess}. */
  readonly env: Readonly<Record<string, string>>;
  /** Its folder; a new one, removed in the end, unless told. A restart uses the same again. */
  readonly folder?: string;
  readonly apiPort?: number;
  readonly challengePort?: number;
  /** Started instead of `plugin/launch.ts`. */
  readonly program?: string;
  /** No file may grow beyond so many KiB: to whoever writes it is as if the disk were full. */
  readonly fileLimitKib?: number;
}

/** What a command wrote, and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** An answer of the API. */
export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

/** A sidecar that runs. */
export interface TestSidecar extends AsyncDisposable {
  readonly process: Running;
  readonly folder: string;
  readonly apiPort: number;
  readonly challengePort: number;
  /** Runs `bin/kontena` with these arguments, and waits for its end. */
  kontena(...args: readonly string[]): Promise<Outcome>;
  /** The same, and fails unless it ended with 0. */
  ok(...args: readonly string[]): Promise<string>;
  /** Asks the API, with the right token unless `init` has another one. */
  ask(path: string, init?: RequestInit): Promise<ApiAnswer>;
  /** Its log, an event a line. */
  events(): readonly Readonly<Record<string, unknown>>[];
  /** Sends SIGTERM and waits for the end. */
  stop(): Promise<number>;
}

/** The repository. */
export const ROOT = new URL("../../", import.meta.url).pathname;

/** The sidecar without its launcher: what is killed is the sidecar itself. */
export const MAIN = `${ROOT}plugin/main.ts`;

/** Starts the sidecar and waits until it listens. */
export async function startSidecarProcess(options: SidecarOptions): Promise<TestSidecar> {
  await using parts = new AsyncDisposableStack();
  const folder = options.folder ?? parts.use(tempDir()).path;
  const apiPort = options.apiPort ?? freePort();
  const challengePort = options.challengePort ?? freePort();
  const process = parts.use(launchSidecar({ ...options, folder, apiPort, challengePort }));
  const origin = `http://127.0.0.1:${apiPort}`;
  const ended = process.exit.then((code) => {
    throw new Error(`the sidecar ended with ${code}: ${process.output()}`);
  });
  ended.catch(() => {});
  const listens = until("the sidecar listens", async () => (await answerOf(`${origin}/health`)).status === 200, 20_000);
  await Promise.race([listens, ended]);
  const moved = parts.move();
  const kontena = (...args: readonly string[]): Promise<Outcome> =>
    runKontena(args, { cwd: folder, env: { KONTENA_URL: origin, ...tokenOf(options) } });
  return {
    process,
    folder,
    apiPort,
    challengePort,
    kontena,
    async ok(...args: readonly string[]): Promise<string> {
      const outcome = await kontena(...args);
      if (outcome.code === 0) return outcome.stdout;
      throw new Error(`kontena ${args.join(" ")} ended with ${outcome.code}: ${outcome.stderr}\n${process.output()}`);
    },
    async ask(path: string, init: RequestInit = {}): Promise<ApiAnswer> {
      const token = options.env["API_TOKEN"] ?? (await Deno.readTextFile(`${folder}/data/token`)).trim();
      return await answerOf(`${origin}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${token}`, ...init.headers },
      });
    },
    events: () => process.output().split("\n").flatMap((line) => line.startsWith("{") ? [JSON.parse(line)] : []),
    stop(): Promise<number> {
      process.kill("SIGTERM");
      return process.exit;
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

/** Starts the sidecar's process and does not wait: one that is to end by itself. */
export function launchSidecar(options: SidecarOptions & { readonly folder: string }): Running {
  const { folder, apiPort = freePort(), challengePort = freePort(), env, fileLimitKib } = options;
  const deno = [Deno.execPath(), "run", "--quiet", "--allow-all", options.program ?? `${ROOT}plugin/launch.ts`];
  const [program, ...args] = fileLimitKib === undefined ? deno : limited(fileLimitKib, deno);
  return start(program!, {
    args,
    cwd: folder,
    env: {
      API_LISTEN: `127.0.0.1:${apiPort}`,
      CHALLENGE_HTTP_LISTEN: `127.0.0.1:${challengePort}`,
      VAULT_URL: `sqlite:${folder}/data/vault.db`,
      LOG_FORMAT: "json",
      ...env,
    },
  });
}

/** A shell that sets the limit (in blocks of 512 bytes, POSIX) and becomes the program; without the trap it would be killed. */
function limited(kib: number, program: readonly string[]): readonly string[] {
  return ["/bin/sh", "-c", `trap '' XFSZ; ulimit -f ${kib * 2}; exec "$0" "$@"`, ...program];
}

/** Runs the command line. */
export async function runKontena(
  args: readonly string[],
  { cwd, env, stdin = "" }: { readonly cwd: string; readonly env: Record<string, string>; readonly stdin?: string },
): Promise<Outcome> {
  const child = new Deno.Command(`${ROOT}bin/kontena`, {
    args: [...args],
    cwd,
    env: { DENO: Deno.execPath(), ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin)).catch(() => {}); // it may not want to read
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** What a sidecar that has ended left in its folder. */
export interface LeftStores extends AsyncDisposable {
  readonly vault: Vault;
  readonly records: Records;
}

/** Opens the stores of a sidecar that has ended. */
export async function openStores(folder: string): Promise<LeftStores> {
  const key = await Deno.readTextFile(`${folder}/data/vault.key`);
  const store = openSqlite(`${folder}/data/vault.db`);
  return {
    vault: sqliteVault(store, await makeSealer(key.trim()), systemClock),
    records: recordsOf(sqliteLedger(store, systemClock)),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** Everything that stands in the database and was not removed, as one text to compare; the sidecar may be running. */
export function dumpOf(folder: string): string {
  using database = new DatabaseSync(`${folder}/data/vault.db`, { readOnly: true });
  const rows = (sql: string): string => JSON.stringify(database.prepare(sql).all());
  return [
    rows("SELECT name, version, created_at FROM secrets WHERE created_at IS NOT NULL ORDER BY name"),
    rows("SELECT name, version, hex(sealed) FROM secret_versions ORDER BY name, version"),
    rows("SELECT key, value FROM entries ORDER BY key"),
  ].join("\n");
}

async function answerOf(url: string, init?: RequestInit): Promise<ApiAnswer> {
  const response = await fetch(url, init);
  return { status: response.status, text: await response.text() };
}

/** Where the token is given, the command line gets it as the sidecar does; else both find it in `data/token`. */
function tokenOf({ env }: SidecarOptions): Record<string, string> {
  return env["API_TOKEN"] === undefined ? {} : { KONTENA_TOKEN: env["API_TOKEN"] };
}
