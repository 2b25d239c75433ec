/**
 * The command line `kontena`; it talks to the sidecar over HTTP.
 *
 * @module
 */
import { httpClient } from "./client.ts";
import { run } from "./run.ts";
import { readGrid, readSettings, type Sources } from "./settings.ts";
import { processTerminal } from "./terminal.ts";

const sources: Sources = {
  env: (name) => Deno.env.get(name),
  file: readFile,
  // where the sidecar keeps it: in its working directory, usually the project's folder
  tokenFiles: ["data/token", new URL("../../data/token", import.meta.url)],
};

function readFile(path: string | URL): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  // a proxy does not reach this machine's loopback, and must not see the token
  const direct = [Deno.env.get("NO_PROXY"), Deno.env.get("no_proxy"), "127.0.0.1,localhost,::1"];
  Deno.env.set("NO_PROXY", direct.filter((hosts) => hosts).join(","));
  Deno.exit(
    await run(Deno.args, {
      terminal: processTerminal(!Deno.env.get("NO_COLOR")),
      client: (grid, debug) => httpClient(readGrid(grid, sources), () => readSettings(sources), debug),
      file: readFile,
      now: new Date(),
    }),
  );
}
