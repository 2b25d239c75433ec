/**
 * A crt-list as text (configuration manual, `crt-list`): one entry a line, the file first, then options and names.
 *
 * @module
 */
import { baseName } from "./paths.ts";

/** Tells whether a line is about the file. */
export function listsFile(text: string, file: string): boolean {
  return text.split("\n").some((line) => isAbout(line, file));
}

/** The text with a line for the file at its end; unchanged where there is one. */
export function withFile(text: string, file: string): string {
  if (listsFile(text, file)) return text;
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${file}\n`;
}

/** The text without any line about the file; all others stay as they are. */
export function withoutFile(text: string, file: string): string {
  return text.split("\n").filter((line) => !isAbout(line, file)).join("\n");
}

/** A relative name is below HAProxy's `crt-base`, which is not known here: its last part decides. */
function isAbout(line: string, file: string): boolean {
  const [, written] = /^\s*([^\s#]\S*)/.exec(line) ?? [];
  if (written === undefined || written === file) return written === file;
  return !written.startsWith("/") && baseName(written) === baseName(file);
}
