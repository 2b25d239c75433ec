/**
 * What may be sent to the runtime socket. A payload ends at the first blank line, from 2.9 on at a line that its command
 * names, and what follows would be run as commands (management guide, 9.3); a payload that fills the buffer is never answered,
 * and stops some versions as a whole.
 *
 * @module
 */
import { SidecarError } from "../../src/model/errors.ts";

/** The version of an HAProxy, as far as it matters. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  /** As it says it itself. */
  readonly text: string;
}

/** Below `tune.bufsize` (16,384) with some air; from 3.4 on `tune.cli.max-payload-size` (128 KiB). */
const LIMIT = { buffer: 16_000, payload: 128 * 1024 } as const;

/**
 * A command with its payload, which is lines of text and none of them blank. It ends at a blank line, and from 2.9 on at one
 * that is drawn anew each time, so that nobody can have put it into the payload.
 *
 * @throws {RangeError} If the payload would end early, or does not end with a line.
 */
export function withPayload(command: string, payload: string, version: Version): string {
  const end = atLeast(version, 2, 9) ? endPattern() : "";
  const lines = payload.split("\n");
  if (lines.pop() !== "") throw new RangeError("a payload has to end with a line");
  if (lines.some((line) => /^\r?$/.test(line) || line === end)) {
    throw new RangeError("a payload must not hold a line that ends it");
  }
  return `${command} <<${end}\n${payload}${end}\n`;
}

/** HAProxy keeps seven characters of it; `%` is in no PEM and in no crt-list of ours. */
function endPattern(): string {
  return `%${crypto.randomUUID().slice(0, 6)}`;
}

/**
 * Refuses what HAProxy cannot take in one piece: before 3.4 it answers nothing to it, or ends.
 *
 * @throws {SidecarError} `SWAP_REJECTED`.
 */
export function checkSize(message: string, version: Version, what: string): void {
  const error = tooLarge(message, version, what);
  if (error !== undefined) throw error;
}

/** The error for what HAProxy cannot take in one piece, or undefined. */
export function tooLarge(message: string, version: Version, what: string): SidecarError | undefined {
  const limit = atLeast(version, 3, 4) ? LIMIT.payload : LIMIT.buffer;
  const size = new TextEncoder().encode(message).length;
  if (size < limit) return undefined;
  return new SidecarError(
    "SWAP_REJECTED",
    `${what} is too large for the runtime socket: ${size} bytes with its command, and HAProxy ${version.text} takes fewer than ${limit}`,
    { todo: "use an EC key, or put fewer names into one certificate" },
  );
}

/** Compares versions. */
export function atLeast(version: Version, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}

/** HAProxy's words for people: without anything that could be a part of a PEM, and not endless. */
export function quotable(reply: string): string {
  const text = reply
    .replace(/-----BEGIN[^]*?(?:-----END [A-Z0-9 ]+-----|$)/g, "[PEM]")
    .replace(/[A-Za-z0-9+/=]{48,}/g, "[…]")
    .split("\n").map((line) => line.trim()).filter((line) => line !== "").join("; ");
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}
