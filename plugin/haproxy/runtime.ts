import { describe, SidecarError } from "../../src/model/errors.ts";
import type { Call } from "../../src/ports.ts";
import { type Address, Received, withConnection, writeAll } from "../net/connection.ts";
import { withDeadline } from "../net/deadline.ts";
import { type Info, isDenied, isMaster, readInfo } from "./replies.ts";

/** How a command is sent. */
export interface AskOptions {
  /** Default 5,000. */
  readonly timeoutMs?: number;
  /** Stops reading once it is true of what came so far. */
  readonly enough?: (reply: string) => boolean;
  /** An empty reply is one: what is listed may be nothing. */
  readonly mayBeEmpty?: boolean;
}

/** The runtime socket of one HAProxy. */
export interface Runtime {
  /** Names the socket among all, for those who take turns. */
  readonly key: string;
  /**
   * Sends one command on a connection of its own and returns the whole reply.
   *
   * @param message The command; a payload after it has its blank line already.
   * @throws {SidecarError} `BALANCER_UNREACHABLE` if no reply came, an empty one or a part, or the socket's level is too low.
   */
  ask(message: string, call: Call, options?: AskOptions): Promise<string>;
  /** Which process answers, and its version. */
  info(call: Call): Promise<Info>;
}

/** What a reply may be long: 10,000 certificates are a list of about 1 MB. */
const MAX_REPLY = 16 * 1024 * 1024;

/** Talks to the runtime socket of the balancer `name`. */
export function runtimeSocket(name: string, socket: Address): Runtime {
  const where = socket.transport === "unix" ? socket.path : `${socket.hostname}:${socket.port}`;
  const runtime: Runtime = {
    key: `${socket.transport}:${where}`,
    async ask(message, call, options = {}): Promise<string> {
      const { timeoutMs = 5_000 } = options;
      const command = message.split(" <<", 1)[0]?.split(" ").slice(0, 3).join(" ");
      const late = (): Error =>
        unreachable(`HAProxy gave no answer to "${command}" on ${where} within ${timeoutMs} ms`);
      const reply = await withDeadline(timeoutMs, call, late, async (inner) => {
        try {
          return await exchange(socket, message, options, inner);
        } catch (error) {
          throw await whyUnreachable(error, socket, where);
        }
      });
      if (reply.trim() === "" && options.mayBeEmpty !== true) {
        throw unreachable(`HAProxy gave an empty answer to "${command}" on ${where}`);
      }
      if (isDenied(reply)) throw denied(where);
      // An empty line ends a reply (management guide, 9.3): without it, who knows what the rest would have said.
      if (reply !== "" && !/(?:^|\n)\r?\n$/.test(reply) && options.enough?.(reply) !== true) {
        throw unreachable(`HAProxy's answer to "${command}" on ${where} broke off`);
      }
      return reply;
    },
    async info(call): Promise<Info> {
      // A master does not close after its answer, so that its end would be waited for in vain.
      const reply = await runtime.ask("show info", call, { enough: isMaster });
      if (isMaster(reply)) throw master(where);
      const info = readInfo(reply);
      if (info === undefined) throw unreachable(`What answers on ${where} is not HAProxy's runtime API`);
      return info;
    },
  };
  return runtime;

  function unreachable(message: string, todo = "check that HAProxy runs and that the socket is its own"): SidecarError {
    return new SidecarError("BALANCER_UNREACHABLE", `Load balancer ${name}: ${message}`, {
      field: "load_balancer",
      todo,
    });
  }

  function master(where: string): SidecarError {
    return unreachable(
      `${where} is the socket of HAProxy's master, not of the worker that has the certificates`,
      'name the socket of a "stats socket … level admin" line; the master\'s is for reload=',
    );
  }

  function denied(where: string): SidecarError {
    return unreachable(
      `its socket ${where} does not allow changes (Permission denied)`,
      'give the "stats socket" line of haproxy.cfg "level admin"',
    );
  }

  async function whyUnreachable(cause: unknown, socket: Address, where: string): Promise<SidecarError> {
    const why = `cannot reach its runtime socket ${where}: ${describe(cause)}`;
    const options = { field: "load_balancer", cause };
    const message = `Load balancer ${name}: ${why}${await accessHint(cause, socket)}`;
    return new SidecarError("BALANCER_UNREACHABLE", message, { ...options, todo: todoFor(cause) });
  }
}

async function exchange(
  socket: Address,
  message: string,
  { enough }: AskOptions,
  call: Call,
): Promise<string> {
  return await withConnection(socket, call, async (connection) => {
    await writeAll(connection, new TextEncoder().encode(`${message}\n`));
    const received = new Received();
    const text = (): string => new TextDecoder().decode(received.bytes);
    while (await received.more(connection)) {
      if (received.bytes.length > MAX_REPLY) throw new RangeError(`the answer is longer than ${MAX_REPLY} bytes`);
      if (enough?.(text()) === true) break;
    }
    return text();
  });
}

function todoFor(cause: unknown): string {
  if (cause instanceof Deno.errors.NotCapable) {
    return "start the sidecar with the permissions that its launcher computes";
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return "run the sidecar as root or in the group of the socket (stats socket … mode 660 group G)";
  }
  if (cause instanceof Deno.errors.NotFound) {
    return "start HAProxy, and share the directory of its socket with the sidecar";
  }
  return "check that HAProxy runs and that the socket is its own";
}

/** Who may use the socket and who we are, where the system refused. */
async function accessHint(cause: unknown, socket: Address): Promise<string> {
  if (!(cause instanceof Deno.errors.PermissionDenied) || socket.transport !== "unix") return "";
  try {
    const { mode, uid, gid } = await Deno.stat(socket.path);
    return ` (it is mode ${
      ((mode ?? 0) & 0o777).toString(8)
    } of uid ${uid} gid ${gid}; this is uid ${Deno.uid()} gid ${Deno.gid()})`;
  } catch {
    return "";
  }
}
