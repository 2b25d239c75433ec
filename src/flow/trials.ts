import { describe, reasonOf, SidecarError, withoutPem } from "../model/errors.ts";
import type { ChallengeType } from "../model/challenge_type.ts";
import { type DnsName, parseDnsName } from "../model/dns_name.ts";
import { given } from "../model/shape.ts";
import type { Call, WiringPart } from "../ports.ts";

/** One part of a balancer's wiring, and how it is tried. */
export interface Trial {
  /** Its name, as {@linkcode WiringPart} has it. */
  readonly part: string;
  /** Parts before it that have to be ok. */
  readonly on?: readonly string[];
  /** Challenges that cannot be answered without it. */
  readonly carries?: readonly ChallengeType[];
  /** Why it is not tried, as things are configured. */
  readonly unused?: Pick<WiringPart, "found" | "todo">;
  /** Tries it and leaves nothing behind: returns what was found, or throws what is missing. */
  readonly run: (call: Call) => Promise<string>;
}

/**
 * Tries part after part. What stands on a part that is not ok is not tried.
 *
 * @param balancer Its name, which errors need not repeat.
 */
export async function tryParts(balancer: string, trials: readonly Trial[], call: Call): Promise<readonly WiringPart[]> {
  const parts: WiringPart[] = [];
  for (const trial of trials) parts.push(await tryPart(balancer, trial, parts, call));
  return parts;
}

async function tryPart(
  balancer: string,
  { part, on = [], carries, unused, run }: Trial,
  before: readonly WiringPart[],
  call: Call,
): Promise<WiringPart> {
  const head = { part, ...given("carries", carries) };
  const base = before.find((it) => on.includes(it.part) && it.state !== "ok");
  if (unused !== undefined) return { ...head, state: "untried", ...unused };
  if (base !== undefined) return { ...head, state: "untried", found: standsOn(base) };
  try {
    return { ...head, state: "ok", found: await run(call) };
  } catch (error) {
    call.signal.throwIfAborted();
    return { ...head, state: "missing", ...faultOf(balancer, error) };
  }
}

/** Says why something is not tried that stands on the part. */
export function standsOn({ part, state }: Pick<WiringPart, "part" | "state">): string {
  return `it stands on "${part}", which is ${state === "missing" ? "missing" : "not tried"}`;
}

/** What an error says of a part. */
export function faultOf(balancer: string, error: unknown): Pick<WiringPart, "found" | "todo"> {
  if (!(error instanceof SidecarError)) return { found: withoutPem(describe(error)) };
  const head = `Load balancer ${balancer}: `;
  const found = withoutPem(reasonOf(error));
  return { found: found.startsWith(head) ? found.slice(head.length) : found, ...given("todo", error.todo) };
}

/** How long taking a rehearsal down may take; it never gets the signal that ended the work. */
const CLEAN_UP_MS = 10_000;

/** Does `work` and undoes it, whatever became of it. */
export async function rehearse<T>(work: () => Promise<T>, undo: (call: Call) => Promise<unknown>): Promise<T> {
  const end = (): Promise<unknown> => undo({ signal: AbortSignal.timeout(CLEAN_UP_MS) });
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await end().catch(() => {}); // what failed first is what has to be told
    throw error;
  }
  await end();
  return result;
}

/** A challenge that no CA ever made, for a name that nobody can own (RFC 6761 §6.4). */
export interface Throwaway {
  /** Below `invalid`. */
  readonly name: DnsName;
  /** As a CA could have made it. */
  readonly token: string;
  /** The same, with the thumbprint of no key. */
  readonly keyAuthorization: string;
}

/** Makes a {@linkcode Throwaway}, never the same twice. */
export function throwaway(): Throwaway {
  const text = (): string => crypto.randomUUID().replaceAll("-", "");
  const token = text() + text();
  return {
    name: parseDnsName(`wiring-${text().slice(0, 16)}.invalid`),
    token,
    keyAuthorization: `${token}.${text()}`,
  };
}
