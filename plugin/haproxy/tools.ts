import { SidecarError } from "../../src/model/errors.ts";
import type { Call, Clock, Events } from "../../src/ports.ts";
import type { DefaultCertificate } from "../certs/default_certificate.ts";
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
  /** What becomes of the folder's default certificate. */
  readonly defaults: DefaultCertificate;
  /** Where the sidecar listens for http-01. */
  readonly answers?: Endpoint;
  /** How long a reload may take, in milliseconds, if not what its certificates need. */
  readonly reloadMs?: number;
  /** When the probe's address has shown a certificate of ours last. */
  readonly answered?: { at: number };
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
  options: AskOptions = {},
): Promise<T> {
  for (let tries = 1;; tries++) {
    const reply = await runtime.ask(message, call, options);
    const outcome = read(reply);
    if (outcome === "refused" || (outcome === "busy" && tries === BUSY_TRIES)) throw refused(message, reply);
    if (outcome !== "busy") return outcome as Exclude<T, "busy" | "refused">;
    await clock.sleep(20 + 80 * clock.random(), call);
  }
}

/** Asks for a list or for what is loaded; to be refused because HAProxy is busy does not mean that nothing is there. */
export async function show(tools: Tools, message: string, call: Call, options: AskOptions = {}): Promise<string> {
  return await command<string>(tools, message, (reply) => isBusy(reply) ? "busy" : reply, call, options);
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
