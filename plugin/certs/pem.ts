/**
 * PEM as it goes into a balancer's directory or over its socket: canonical, line by line, without a blank line.
 *
 * @module
 */
import { InputError, SidecarError } from "../../src/model/errors.ts";

const BOUNDARY = /^-----(?:BEGIN|END) [A-Z0-9 ]{1,40}-----$/;
const BASE64 = /^[A-Za-z0-9+/]{1,76}={0,2}$/;

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
