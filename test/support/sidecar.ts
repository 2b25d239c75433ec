/**
 * The sidecar as the process that people run, with its command line.
 *
 * @module
 */
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
}

/** What a command wrote, and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
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
  /** Its log, an event a line. */
  events(): readonly Readonly<Record<string, unknown>>[];
}

const ROOT = new URL("../../", import.meta.url).pathname;

/** Starts the sidecar and waits until it listens. */
export async function startSidecarProcess(options: SidecarOptions): Promise<TestSidecar> {
  await using parts = new AsyncDisposableStack();
  const folder = options.folder ?? parts.use(tempDir()).path;
  const apiPort = options.apiPort ?? freePort();
  const challengePort = options.challengePort ?? freePort();
  const program = options.program ?? `${ROOT}plugin/launch.ts`;
  const process = parts.use(start(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", program],
    cwd: folder,
    env: {
      API_LISTEN: `127.0.0.1:${apiPort}`,
      CHALLENGE_HTTP_LISTEN: `127.0.0.1:${challengePort}`,
      VAULT_URL: `sqlite:${folder}/data/vault.db`,
      LOG_FORMAT: "json",
      ...options.env,
    },
  }));
  const health = `http://127.0.0.1:${apiPort}/health`;
  const ended = process.exit.then((code) => {
    throw new Error(`the sidecar ended with ${code}: ${process.output()}`);
  });
  ended.catch(() => {});
  await Promise.race([until("the sidecar listens", async () => (await answered(health)) === 200, 20_000), ended]);
  const moved = parts.move();
  const kontena = (...args: readonly string[]): Promise<Outcome> =>
    runKontena(args, { cwd: folder, env: { KONTENA_URL: `http://127.0.0.1:${apiPort}` } });
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
    events: () => process.output().split("\n").flatMap((line) => line.startsWith("{") ? [JSON.parse(line)] : []),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
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

async function answered(url: string): Promise<number> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.status;
}
