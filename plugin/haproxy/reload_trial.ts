import { SidecarError } from "../../src/model/errors.ts";
import type { Call } from "../../src/ports.ts";
import type { Reload } from "../certs/balancer_url.ts";
import { withDeadline } from "../net/deadline.ts";
import { askMaster } from "./master.ts";
import { notTold } from "./reload.ts";
import { readWorkers } from "./replies.ts";
import { misconfigured, type Tools } from "./tools.ts";

/** How long a master may take to say which workers it has. */
const PATIENCE_MS = 5_000;

/**
 * Tries what reloads the balancer, without a reload: that is for an emergency, and costs connections. A master is asked for its
 * workers; of a program it is only seen that it is there and may be run.
 */
export async function tryReload(tools: Tools, how: Reload, call: Call): Promise<string> {
  try {
    return how.by === "master" ? await tryMaster(tools, how.socket, call) : await tryProgram(how.program);
  } catch (error) {
    call.signal.throwIfAborted();
    throw error instanceof SidecarError ? error : notTold(tools.config.name, how, error);
  }
}

async function tryMaster(tools: Tools, socket: string, call: Call): Promise<string> {
  const late = (): Error => new Error(`it gave no answer within ${PATIENCE_MS} ms`);
  const reply = await withDeadline(PATIENCE_MS, call, late, (inner) => askMaster(socket, "show proc", inner));
  const workers = readWorkers(reply);
  if (workers === undefined) {
    const why = `reload= names ${socket}, which is not the socket of a master`;
    throw misconfigured(tools, why, "name the socket that HAProxy was started with: -W -S SOCKET");
  }
  const { pid } = await tools.runtime.info(call);
  if (!workers.includes(pid)) {
    const why =
      `${socket} is the master of another HAProxy: process ${pid}, which has the runtime socket, is not its worker`;
    throw misconfigured(tools, why, "name the socket of this balancer's own master in reload=");
  }
  return `the master on ${socket} answers, and has process ${pid}; it was not told to reload`;
}

async function tryProgram(program: string): Promise<string> {
  const { isFile, mode } = await Deno.stat(program);
  if (!isFile) throw new Error("it is not a file");
  if (((mode ?? 0) & 0o111) === 0) throw new Error("it is not executable");
  const { state } = await Deno.permissions.query({ name: "run", command: program });
  if (state !== "granted") throw new Deno.errors.NotCapable("the sidecar was started without the right to run it");
  return `${program} is there and may be run; it was not run`;
}
