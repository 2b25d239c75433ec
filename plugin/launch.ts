/**
 * Starts the sidecar with exactly the permissions that its configuration needs, passes SIGTERM and SIGINT on, and ends with
 * its exit status. With `--flags` it prints them instead, one a line, for whoever starts the sidecar without this process
 * above it.
 *
 * @module
 */
import { ConfigError, configManual, readConfig } from "./config.ts";
import type { Environment } from "./config_values.ts";
import { flagsOf, nameserversOf, permissionsOf } from "./permissions.ts";

const environment: Environment = {
  get: (name) => Deno.env.get(name),
  readFile: (path) => Deno.readTextFileSync(path),
};

/** Beside this file: its source, or where this is a bundle, the sidecar's. */
const PROGRAM = new URL(import.meta.url.endsWith(".ts") ? "main.ts" : "kontena-certificates.js", import.meta.url).href;

if (import.meta.main) Deno.exit(await launch(Deno.args));

/** Reads the configuration, computes the flags, runs the sidecar; `--flags` prints them and `--help` the manual instead. */
export async function launch(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    console.log(`Runs the sidecar. It is configured by the environment:\n\n${configManual()}`);
    return 0;
  }
  try {
    const config = readConfig(environment);
    const flags = flagsOf(permissionsOf(config, environment, nameservers()));
    console.error(`Permissions: ${flags.join(" ")}`);
    if (!args.includes("--flags")) return await run(flags);
    console.log(flags.join("\n"));
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    return 1;
  }
}

async function run(flags: readonly string[]): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), { args: ["run", "--quiet", ...flags, PROGRAM] }).spawn();
  const handlers = (["SIGTERM", "SIGINT"] as const).map((signal) => {
    const pass = (): void => {
      try {
        child.kill(signal);
      } catch {
        // it has ended already
      }
    };
    Deno.addSignalListener(signal, pass);
    return () => Deno.removeSignalListener(signal, pass);
  });
  const { code } = await child.status;
  for (const remove of handlers) remove();
  return code;
}

function nameservers(): readonly string[] {
  try {
    return nameserversOf(Deno.readTextFileSync("/etc/resolv.conf"));
  } catch {
    return [];
  }
}
