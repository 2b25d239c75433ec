/**
 * The YAML of `vault export` and `vault import`: one flat map of names to texts. What else YAML can say is refused with the
 * line's number, and never guessed. Values are secrets, so no error quotes one.
 *
 * @module
 */
import { InputError } from "../../src/model/errors.ts";

/** What a name can be set to; null removes it. */
export type Scalar = string | boolean | null;

/** Writes the map; names are plain words. */
export function writeFlatYaml(map: Readonly<Record<string, string>>): string {
  const entries = Object.entries(map);
  if (entries.length === 0) return "--- {}\n";
  return `---\n${entries.map(([name, value]) => `${name}: ${written(value)}\n`).join("")}`;
}

/**
 * Reads such a map. Words like `yes`, which are a truth value to some readers of YAML and a text to others, have to be quoted.
 *
 * @throws {InputError} Naming the line.
 */
export function readFlatYaml(text: string): ReadonlyMap<string, Scalar> {
  const lines = text.replace(/^\ufeff/, "").replace(/\r\n/g, "\n").split("\n");
  const found = new Map<string, Scalar>();
  let i = skipHead(lines);
  while (i < lines.length) {
    const line = lines[i] ?? "";
    if (isIdle(line)) {
      i++;
      continue;
    }
    const { name, rest } = readEntry(line, i + 1);
    if (found.has(name)) throw wrong(i + 1, `${name} stands there twice`);
    const chomp = BLOCK.exec(rest)?.[1];
    if (chomp === undefined) {
      found.set(name, readScalar(rest, i + 1));
      i++;
    } else {
      const end = blockEnd(lines, i + 1);
      found.set(name, readBlock(lines.slice(i + 1, end), chomp, i + 1));
      i = end;
    }
  }
  return found;
}

/** `|`, `|-` or `|+`. */
const BLOCK = /^\|([-+]?) *$/;
const NULL = /^(~|null|Null|NULL)?$/;
const BOOLEAN = /^(true|True|TRUE|false|False|FALSE)$/;
/** A truth value in YAML 1.1, a text in YAML 1.2. */
const AMBIGUOUS = /^(y|n|yes|no|on|off)$/i;
/** What needs no quotes for any reader. */
const WORD = /^[A-Za-z_/][A-Za-z0-9_./+=@-]*$/;
/** How a text without quotes must not begin, and what must not stand in it (YAML 1.2.2 §7.3.3). */
// deno-lint-ignore no-control-regex
const NOT_PLAIN = /^[?:,[\]{}#&*!|>'"%@`]|^-(?:\s|$)|:(?:\s|$)|\s#|[\x00-\x1f\x7f]/;

function written(value: string): string {
  if (isSafeWord(value)) return value;
  const lines = value.split("\n");
  const printable = !/[^\n\t\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/.test(value);
  const sound = lines.length > 1 && printable && !/^\s/.test(lines[0] ?? "") &&
    !lines.some((line) => /^\s+$/.test(line));
  if (!sound || lines[0] === "" || lines.at(-1) === "") return quoted(value);
  return ["|-", ...lines.map((line) => line === "" ? "" : `  ${line}`)].join("\n");
}

/** JSON's escapes are YAML's; two more line ends are line ends to YAML 1.1. */
function quoted(value: string): string {
  return JSON.stringify(value).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

function isSafeWord(value: string): boolean {
  return WORD.test(value) && !NULL.test(value) && !BOOLEAN.test(value) && !AMBIGUOUS.test(value);
}

/** Comments, then `---`. */
function skipHead(lines: readonly string[]): number {
  const first = lines.findIndex((line) => !isIdle(line));
  if (first < 0) return lines.length;
  if (/^--- *\{\} *$/.test(lines[first] ?? "")) return first + 1;
  return /^--- *$/.test(lines[first] ?? "") ? first + 1 : first;
}

function isIdle(line: string): boolean {
  return /^\s*(#.*)?$/.test(line);
}

function readEntry(line: string, number: number): { readonly name: string; readonly rest: string } {
  const entry = /^(?:"([A-Za-z0-9_.-]+)"|'([A-Za-z0-9_.-]+)'|([A-Za-z0-9_.-]+)):(?: +(.*)|)$/.exec(line);
  if (entry === null) throw wrong(number, "it is not NAME: VALUE");
  const [, double, single, plain, rest = ""] = entry;
  return { name: double ?? single ?? plain ?? "", rest: rest.trimEnd() };
}

function readScalar(text: string, number: number): Scalar {
  if (text.startsWith('"')) return readDouble(text, number);
  if (text.startsWith("'")) {
    if (!/^'(?:[^']|'')*'$/.test(text)) throw wrong(number, "its single quotes do not match");
    return text.slice(1, -1).replaceAll("''", "'");
  }
  if (NULL.test(text)) return null;
  if (BOOLEAN.test(text)) return text.toLowerCase() === "true";
  if (AMBIGUOUS.test(text)) throw wrong(number, "its value may be a text or a truth value, so it has to be in quotes");
  if (NOT_PLAIN.test(text)) throw wrong(number, "its value has to be in quotes");
  return text; // a number too, as it is written: 007 stays 007
}

/** The escapes that JSON has too; those that YAML alone has are refused. */
function readDouble(text: string, number: number): string {
  try {
    const value: unknown = JSON.parse(text.replaceAll("\t", "\\t"));
    if (typeof value === "string") return value;
  } catch {
    // the parser's own words would quote the value
  }
  throw wrong(number, "its double quotes do not match, or it has an escape that JSON does not have");
}

/** Where the block that begins there ends: at the first line that is not indented. */
function blockEnd(lines: readonly string[], start: number): number {
  const end = lines.findIndex((line, i) => i >= start && line !== "" && !line.startsWith(" "));
  return end < 0 ? lines.length : end;
}

function readBlock(lines: readonly string[], chomp: string, number: number): string {
  const first = lines.find((line) => line.trim() !== "");
  if (first === undefined) return "";
  const indent = first.length - first.trimStart().length;
  if (/^ *\t/.test(first)) throw wrong(number, "its block is indented by tabs");
  const shorter = lines.findIndex((line) => line.trim() !== "" && !line.startsWith(" ".repeat(indent)));
  if (shorter >= 0) throw wrong(number + 1 + shorter, "it is indented less than the first line of its block");
  const text = lines.map((line) => line.slice(indent)).join("\n");
  if (chomp === "+") return text;
  const kept = text.replace(/\n+$/, "");
  return chomp === "-" ? kept : `${kept}\n`;
}

function wrong(line: number, why: string): InputError {
  return new InputError(
    "YAML",
    `line ${line}: ${why}`,
    'write NAME: "VALUE", or NAME: |- and the lines indented below it',
  );
}
