/**
 * A crt-list as text (configuration manual, `crt-list`): one entry a line, the file first, then options and names.
 *
 * @module
 */

/** Tells whether a line is about the file. */
export function listsFile(text: string, file: string): boolean {
  return text.split("\n").some((line) => fileOf(line) === file);
}

/** The text with a line for the file at its end; unchanged where there is one. */
export function withFile(text: string, file: string): string {
  if (listsFile(text, file)) return text;
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${file}\n`;
}

/** The text without any line about the file; all others stay as they are. */
export function withoutFile(text: string, file: string): string {
  return text.split("\n").filter((line) => fileOf(line) !== file).join("\n");
}

function fileOf(line: string): string | undefined {
  const [, file] = /^\s*([^\s#]\S*)/.exec(line) ?? [];
  return file;
}
