/**
 * What may be sent to the runtime socket. A payload ends at the first blank line, and what follows would be run as
 * commands (management guide, 9.3); a payload that fills the buffer stops HAProxy as a whole.
 *
 * @module
 */
import { InputError, SidecarError } from "../../src/model/errors.ts";

/** The version of an HAProxy, as far as it matters. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  /** As it says it itself. */
  readonly text: string;
}

const BOUNDARY = /^-----(?:BEGIN|END) [A-Z0-9 ]{1,40}-----$/;
const BASE64 = /^[A-Za-z0-9+/]{1,76}={0,2}$/;

/** Below `tune.bufsize` (16,384) with some air; from 3.4 on `tune.cli.max-payload-size` (128 KiB). */
const LIMIT = { buffer: 16_000, payload: 128 * 1024 } as const;

/**
 * Refuses a file name that is not plainly one of ours.
 *
 * @throws {InputError} If it is not letters, digits, `_` and `-`, and `.pem`.
 */
export function checkFile(file: string): void {
  if (/^[A-Za-z0-9_-]{1,200}\.pem$/.test(file)) return;
  throw new InputError(
    "file",
    `Cannot use ${JSON.stringify(file.slice(0, 80))} as a certificate's file`,
    "name it like LE_CERTIFICATE_example_com.pem",
  );
}

/**
 * Refuses text that is not PEM line by line, with LF, without a blank line.
 *
 * @param what For the error; the text itself is never quoted.
 * @throws {SidecarError} `CERTIFICATE_REJECTED`.
 */
export function checkPem(pem: string, what: string): void {
  const lines = pem.split("\n");
  const end = lines.pop();
  const bad = lines.findIndex((line) => !BOUNDARY.test(line) && !BASE64.test(line));
  const whole = /-----BEGIN CERTIFICATE-----/.test(pem) && /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(pem);
  if (end === "" && bad === -1 && whole) return;
  const why = bad !== -1
    ? `line ${bad + 1} is not a line of PEM`
    : whole
    ? "it does not end with a line"
    : "certificate or key is missing";
  throw new SidecarError("CERTIFICATE_REJECTED", `Cannot send ${what} to HAProxy: ${why}`, {
    todo: "get the certificate again",
  });
}

/** The PEM blocks of a text written by whomever, in canonical form; undefined where there is none. */
export function canonicalPem(text: string): string | undefined {
  const blocks = text.replaceAll("\r", "").matchAll(
    /-----BEGIN ([A-Z0-9 ]{1,40})-----\n([A-Za-z0-9+/=\s]+?)\n-----END \1-----/g,
  );
  const written = [...blocks].map(([, label, body = ""]) => {
    const lines = body.replace(/\s/g, "").match(/.{1,64}/g) ?? [];
    return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
  });
  return written.length === 0 ? undefined : written.join("");
}

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
