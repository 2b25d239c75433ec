import { SidecarError } from "../../src/model/errors.ts";
import type { Call, Clock, Events } from "../../src/ports.ts";
import type { Endpoint } from "../net/connection.ts";
import { quotable } from "./payload.ts";
import { isBusy } from "./replies.ts";
import type { AskOptions, Runtime } from "./runtime.ts";
import type { HaproxyConfig } from "./url.ts";

/** What everything that is done to a balancer works with. */
export interface Tools {
  readonly config: HaproxyConfig;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly events: Events;
  /** Where the sidecar listens for http-01. */
  readonly answers?: Endpoint;
}

/** How often a command is tried again while HAProxy carries out another one, each after 20 to 100 ms. */
const BUSY_TRIES = 50;

/**
 * Sends a command and reads its reply; as long as HAProxy is busy with another certificate command, again.
 *
 * @param read Gives `"refused"` for a reply that is no success, `"busy"` for one that may become it.
 * @throws {SidecarError} `SWAP_REJECTED` with HAProxy's words.
 */
export async function command<T>(
  { runtime, clock }: Tools,
  message: string,
  read: (reply: string) => T | "busy" | "refused",
  call: Call,
): Promise<T> {
  for (let tries = 1;; tries++) {
    const reply = await runtime.ask(message, call);
    const outcome = read(reply);
    if (outcome === "refused" || (outcome === "busy" && tries === BUSY_TRIES)) throw refused(message, reply);
    if (outcome !== "busy") return outcome as Exclude<T, "busy" | "refused">;
    await clock.sleep(20 + 80 * clock.random(), call);
  }
}

/** Sends a command that only shows something; as long as HAProxy is busy with a certificate command, again. */
export async function show(
  { runtime, clock }: Tools,
  message: string,
  call: Call,
  options: AskOptions = {},
): Promise<string> {
  for (let tries = 1;; tries++) {
    const reply = await runtime.ask(message, call, options);
    if (!isBusy(reply) || tries === BUSY_TRIES) return reply;
    await clock.sleep(20 + 80 * clock.random(), call);
  }
}

/** The error for a command that HAProxy did not carry out. */
export function refused(message: string, reply: string): SidecarError {
  const line = message.split(" <<", 1)[0];
  return new SidecarError("SWAP_REJECTED", `HAProxy refused "${line}": ${quotable(reply)}`, {
    field: "load_balancer",
    todo: "mend what HAProxy names; the former certificate goes on being served",
    hop: "memory",
  });
}

/** An error in how the balancer is wired. */
export function misconfigured({ config }: Tools, message: string, todo: string): SidecarError {
  return new SidecarError("BALANCER_CONFIG", `Load balancer ${config.name}: ${message}`, {
    field: "load_balancers",
    todo,
  });
}
