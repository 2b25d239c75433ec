/**
 * The sidecar as a process: reads the configuration, runs until SIGTERM or SIGINT, drains.
 *
 * @module
 */
import { describe, SidecarError } from "../src/model/errors.ts";
import type { Events } from "../src/ports.ts";
import { prepareBalancers } from "./balancers.ts";
import { systemClock } from "./clock.ts";
import { type Config, ConfigError, readConfig } from "./config.ts";
import { logEvents } from "./log.ts";
import { openDoor } from "./door.ts";
import { readIdentity } from "./identity.ts";
import type { Seams } from "./sidecar.ts";

/** Runs the sidecar; the result is the process's exit status. */
export async function main(seams: Seams = {}): Promise<number> {
  // As the first process of a container, one without these handlers would not end on SIGTERM in order.
  const stop = stopSignal();
  try {
    const config = readConfig({ get: (name) => Deno.env.get(name), readFile: (path) => Deno.readTextFileSync(path) });
    const log = logOf(config);
    // Whoever sees the door open may read the token, and start the balancers.
    const identity = await readIdentity(config, log);
    await prepareBalancers(config.balancers, { clock: systemClock, events: log });
    await using door = openDoor("API_LISTEN", config.apiListen);
    // The house is large, and whoever starts it wants to hear soon that it lives.
    const { startSidecar } = await import("./sidecar.ts");
    await using _sidecar = await startSidecar(config, identity, log, door, seams);
    const signal = await stop;
    log.emit({ level: "info", name: "sidecar.stopping", text: `${signal}: draining` });
  } catch (error) {
    console.error(error instanceof ConfigError ? error.message : `Cannot start: ${named(error)}`);
    return 1;
  }
  return 0;
}

/** The error with the variable that it is about. */
function named(error: unknown): string {
  const text = describe(error);
  return error instanceof SidecarError && !text.includes(error.field) ? `${error.field}: ${text}` : text;
}

function stopSignal(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, () => resolve(signal));
  return promise;
}

function logOf({ logLevel, logFormat }: Config): Events {
  const format = logFormat ?? (Deno.stderr.isTerminal() ? "text" : "json");
  return logEvents({ level: logLevel, format, clock: systemClock, write: (line) => console.error(line) });
}

if (import.meta.main) Deno.exit(await main());
