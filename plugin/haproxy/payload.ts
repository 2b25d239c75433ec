/**
 * What may be sent to the runtime socket. A payload ends at the first blank line, and what follows would be run as
 * commands (management guide, 9.3); a payload that fills the buffer stops HAProxy as a whole.
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

/** A command with its payload: one blank line ends it, and there is none before. */
export function withPayload(command: string, payload: string): string {
  return `${command} <<\n${payload}\n`;
}

/**
 * Refuses what HAProxy cannot take in one piece: before 3.4 it answers nothing to it, or ends.
 *
 * @throws {SidecarError} `SWAP_REJECTED`.
 */
export function checkSize(message: string, version: Version, what: string): void {
  const limit = atLeast(version, 3, 4) ? LIMIT.payload : LIMIT.buffer;
  const size = new TextEncoder().encode(message).length;
  if (size < limit) return;
  throw new SidecarError(
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
