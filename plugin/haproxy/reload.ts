import { reasonOf, SidecarError } from "../../src/model/errors.ts";
import type { Call } from "../../src/ports.ts";
import type { Reload } from "../certs/balancer_url.ts";
import { abortable, withDeadline } from "../net/deadline.ts";
import { loadedFiles } from "./locate.ts";
import { askMaster } from "./master.ts";
import { quotable } from "./payload.ts";
import type { Tools } from "./tools.ts";

/** Between looks at which worker answers, in milliseconds. */
const LOOK_MS = 50;

/** How long a reload may take, in milliseconds: HAProxy needs some 0.8 ms to load a certificate, and gets the fourfold. */
const PATIENCE = { base: 15_000, each: 3 } as const;

/** The programs that a script finds without a path; nothing else of the sidecar's environment is handed on. */
const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" } as const;

/**
 * Has HAProxy load its configuration and all certificates again, and waits until a new worker answers. The old one goes on
 * where HAProxy refuses what it finds: before 2.8 that is not told, so that the new worker is the only sign of success.
 *
 * @throws {SidecarError} `SWAP_REJECTED` if no other worker answers in time.
 */
export async function reload(tools: Tools, how: Reload, call: Call): Promise<void> {
  const { runtime, config, reloadMs = PATIENCE.base + PATIENCE.each * (await loadedFiles(tools, call)).length } = tools;
  const { pid } = await runtime.info(call);
  const late = (): SidecarError =>
    new SidecarError("SWAP_REJECTED", `HAProxy was told to reload, and process ${pid} still answers`, {
      field: "load_balancer",
      todo: "look at its log: it refuses a configuration with a wrong line or file as a whole",
    });
  await withDeadline(reloadMs, call, late, async (inner) => {
    await (how.by === "master" ? tellMaster(how.socket, inner) : run(how.program, how.args, inner)).catch((error) => {
      inner.signal.throwIfAborted();
      throw error instanceof SidecarError ? error : notTold(config.name, how, error);
    });
    while (await answering(tools, inner) === pid) await tools.clock.sleep(LOOK_MS, inner);
  });
}

/** Which worker answers; between the old and the new one it may be nobody. */
async function answering({ runtime, clock }: Tools, call: Call): Promise<number> {
  while (true) {
    try {
      return (await runtime.info(call)).pid;
    } catch {
      call.signal.throwIfAborted();
      await clock.sleep(LOOK_MS, call);
    }
  }
}

async function tellMaster(path: string, call: Call): Promise<void> {
  const reply = await askMaster(path, "reload", call);
  if (/^Success=0$/m.test(reply)) throw refusedToReload(alertsOf(reply));
  if (/^Unknown command/m.test(reply)) throw refusedToReload("that socket is not its master's");
}

async function run(program: string, args: readonly string[], call: Call): Promise<void> {
  const command = new Deno.Command(program, {
    args: [...args],
    clearEnv: true,
    env: ENVIRONMENT,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: call.signal,
  });
  // What it starts may keep its output open: the program itself is waited for no longer than the signal says.
  const { code, stderr } = await abortable(command.output(), call);
  if (code !== 0) throw refusedToReload(`${program} ended with ${code}: ${new TextDecoder().decode(stderr)}`);
}

/** Of all that HAProxy says at a start, what kept it from one. */
function alertsOf(reply: string): string {
  const lines = reply.split("\n").slice(1);
  const alerts = lines.filter((line) => line.startsWith("[ALERT]"));
  return (alerts.length > 0 ? alerts : lines).join("\n");
}

function refusedToReload(why: string): SidecarError {
  return new SidecarError("SWAP_REJECTED", `HAProxy was not reloaded: ${quotable(why)}`, {
    field: "load_balancer",
    todo: "mend what is named, or reload= in LOAD_BALANCERS",
  });
}

/** The error where what `reload=` names could not be used at all. */
export function notTold(name: string, how: Reload, cause: unknown): SidecarError {
  const what = how.by === "master" ? how.socket : how.program;
  return new SidecarError("BALANCER_CONFIG", `Load balancer ${name}: cannot use reload= ${what}: ${reasonOf(cause)}`, {
    field: "load_balancers",
    todo: how.by === "master"
      ? "start HAProxy with -W -S SOCKET, and share the socket's folder with the sidecar"
      : "name a program that the sidecar may run",
    cause,
  });
}
