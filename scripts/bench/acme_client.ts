/**
 * npm's acme-client on Node: a run a certificate, and resident as a library is used.
 *
 * @module
 */
import { find, freePort, start, tempDir, until } from "../../test/support/process.ts";
import type { Client, ClientKind, Cost, Place } from "./client.ts";
import { timedRun } from "./timed_run.ts";

const PACKAGE = "acme-client@5.4.0";
const RUN = new URL("acme_client_run.mjs", import.meta.url).pathname;

/** Installs it into `folder`, and nowhere else; says why not where that cannot be. */
export async function acmeClient(folder: string): Promise<readonly ClientKind[] | string> {
  const [node, npm] = [find("node"), find("npm")];
  if (node === undefined || npm === undefined) return "acme-client is left out: node and npm are not installed";
  const args = ["install", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error", PACKAGE];
  await using install = start(npm, { args, cwd: folder });
  if (await install.exit !== 0) return `acme-client is left out: npm install failed: ${install.output().trim()}`;
  return [
    { name: "acme-client, a run", open: (place) => Promise.resolve(runner(node, folder, place)) },
    { name: "acme-client, resident", open: (place) => resident(node, folder, place) },
  ];
}

function runner(node: string, cwd: string, place: Place): Client {
  const dir = tempDir();
  const given = [RUN, place.directory.href, `${dir.path}/account.pem`, `${place.httpPort}`, `${dir.path}/bundle.pem`];
  return {
    issue: (names) => timedRun({ program: node, args: [...given, ...names], env: environment(place), cwd }),
    [Symbol.asyncDispose]: () => Promise.resolve(dir[Symbol.dispose]()),
  };
}

async function resident(node: string, cwd: string, place: Place): Promise<Client> {
  await using parts = new AsyncDisposableStack();
  const dir = parts.use(tempDir());
  const port = freePort();
  const given = [RUN, place.directory.href, `${dir.path}/account.pem`, `${place.httpPort}`, `${dir.path}/bundle.pem`];
  const process = parts.use(start(node, { args: [...given, `${port}`], env: environment(place), cwd }));
  const ask = async (names: readonly string[]): Promise<number> => {
    const answer = await fetch(`http://127.0.0.1:${port}`, { method: "POST", body: JSON.stringify(names) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`acme-client: ${text} ${process.output()}`);
    return Number(text);
  };
  await until("acme-client is ready", async () => await ask(["ready.bench.test"]) > 0);
  const moved = parts.move();
  return {
    async issue(names): Promise<Cost> {
      const begin = performance.now();
      const cpuMs = await ask(names);
      return { wallMs: performance.now() - begin, cpuMs };
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

function environment({ caFile }: Place): Record<string, string> {
  return { NODE_EXTRA_CA_CERTS: caFile };
}
