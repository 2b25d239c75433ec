/**
 * Rows `start` and `rss`: the bundle against an empty server of the same kind.
 *
 * @module
 */
import * as esbuild from "esbuild";
import { freePort, type Running, start, tempDir } from "../../test/support/process.ts";
import { build, BUNDLES } from "../build.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import { inTurns, median, pause, rssMb } from "./measure.ts";
import { atMost, figures, short, type Table } from "./report.ts";

/** `start` */
export const startRow: BenchRow = { title: "Start: from exec to the first 200 on /health", measure: measureStart };

/** `rss` */
export const rssRow: BenchRow = { title: "Memory, idle", measure: measureRss };

/** A server that can be started again and again. */
interface Server {
  /** Starts it and waits for the first 200 on /health. */
  launch(): Promise<Running>;
}

/** Deno writes the code that it compiled a while after the start. */
const WRITE_MS = 1_500;

const GOALS = { start: 2.5, rss: 1.6 } as const;

async function measureStart({ quick }: BenchOptions): Promise<readonly Table[]> {
  await using servers = await buildServers();
  const rounds = quick ? 5 : 25;
  const both = [servers.ours, servers.empty];
  const [first = NaN, firstEmpty = NaN] = await warmUp(both);
  const [ours = [], empty = []] = await inTurns(both.map((server) => ({ rounds, measure: () => timed(server) })));
  const [a, b] = [median(ours), median(empty)];
  const note = `Both bundled the same way, on the same Deno, which keeps compiled code; medians of ${rounds} in turn.`;
  return [figures([
    { what: "sidecar, ms", measured: short(a) },
    { what: "empty Hono server, ms", measured: short(b) },
    { what: "ratio", measured: (a / b).toFixed(2), goal: atMost(a / b, GOALS.start) },
    { what: "very first start, new keys and no compiled code, ms", measured: `${short(first)}, ${short(firstEmpty)}` },
  ], note)];
}

async function measureRss({ quick }: BenchOptions): Promise<readonly Table[]> {
  await using servers = await buildServers();
  const [rounds, idleMs] = quick ? [1, 3_000] : [3, 8_000];
  const settled = async (server: Server): Promise<number> => {
    await using process = await server.launch();
    await pause(idleMs);
    return rssMb(process.pid);
  };
  const both = [servers.ours, servers.empty];
  await warmUp(both);
  const [ours = [], empty = []] = await inTurns(both.map((server) => ({ rounds, measure: () => settled(server) })));
  const [a, b] = [median(ours), median(empty)];
  return [figures([
    { what: "sidecar, MB (VmRSS)", measured: short(a) },
    { what: "empty Hono server, MB", measured: short(b) },
    { what: "ratio", measured: (a / b).toFixed(2), goal: atMost(a / b, GOALS.rss) },
  ], `After one request and ${idleMs / 1_000} s at rest, without certificates; medians of ${rounds}.`)];
}

/** Starts each for the first time and gives it the time to write down what it compiled. */
async function warmUp(servers: readonly Server[]): Promise<readonly number[]> {
  const found: number[] = [];
  for (const server of servers) {
    found.push(await timed(server, WRITE_MS));
    await timed(server, WRITE_MS);
  }
  return found;
}

/** How long a start takes; the server stays for `ms` after it. */
async function timed(server: Server, ms = 0): Promise<number> {
  const begin = performance.now();
  await using _process = await server.launch();
  const took = performance.now() - begin;
  await pause(ms);
  return took;
}

interface Servers extends AsyncDisposable {
  readonly ours: Server;
  readonly empty: Server;
}

/** Bundles both, and puts each into a folder of its own. */
async function buildServers(): Promise<Servers> {
  const dir = tempDir();
  const [sidecar] = BUNDLES;
  if (sidecar === undefined) throw new Error("there is no bundle of the sidecar");
  const programs = { ours: `${dir.path}/ours.js`, empty: `${dir.path}/empty.js` };
  await build({ ...sidecar, output: programs.ours });
  await build({ entry: "scripts/bench/empty_server.ts", output: programs.empty });
  await esbuild.stop();
  const [port, api, challenge] = [freePort(), freePort(), freePort()];
  const env = {
    API_LISTEN: `127.0.0.1:${api}`,
    CHALLENGE_HTTP_LISTEN: `127.0.0.1:${challenge}`,
    ACME_DIRECTORY_URL: "https://127.0.0.1:1/directory", // nobody is asked before there is something to do
    LOG_FORMAT: "json",
  };
  return {
    ours: { launch: () => launch(programs.ours, api, dir.path, env) },
    empty: { launch: () => launch(programs.empty, port, dir.path, { PORT: String(port) }) },
    [Symbol.asyncDispose]: () => Promise.resolve(dir[Symbol.dispose]()),
  };
}

async function launch(program: string, port: number, cwd: string, env: Record<string, string>): Promise<Running> {
  const process = start(Deno.execPath(), { args: ["run", "--quiet", "--allow-all", program], cwd, env });
  let ended = false;
  void process.exit.then(() => ended = true);
  while (!await isHealthy(port)) {
    if (ended) throw new Error(`${program} ended: ${process.output()}`);
    await pause(1);
  }
  return process;
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/health`);
    await answer.body?.cancel();
    return answer.status === 200;
  } catch {
    return false;
  }
}
