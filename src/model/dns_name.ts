import type { Branded } from "./brand.ts";
import { InputError } from "./errors.ts";

/** A lower-case A-label host name of two labels or more, optionally with one leading `*.` (RFC 8555 §7.1.3). */
export type DnsName = Branded<"DnsName">;

const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;
/** What a host name can be written with; the rest is refused before any conversion could hide it. */
const PLAIN_OR_LETTERS = /^[\p{L}\p{M}\p{N}.\-*]+$/u;

/**
 * Reads a DNS name. Unicode names are converted to A-labels (UTS #46, as URLs do); a final dot is dropped.
 *
 * @param input What the user wrote.
 * @param field Where it was written, for the error.
 * @throws {InputError} If it is not a host name that a public certificate can carry.
 * @example
 * ```ts
 * import { parseDnsName } from "@kontena/certificates";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseDnsName("*.Bücher.example."), "*.xn--bcher-kva.example");
 * ```
 */
export function parseDnsName(input: string, field = "domain"): DnsName {
  const refuse = (why: string): InputError =>
    new InputError(field, `Cannot use ${quote(input)} as a domain name: ${why}`, "write it like www.example.com");
  if (input === "") throw refuse("it is empty");
  if (input.length > 255) throw refuse(`it is ${input.length} characters long, the most is 253`);
  if (!PLAIN_OR_LETTERS.test(input)) throw refuse("only letters, digits, hyphens and dots are possible");
  const wildcard = input.startsWith("*.");
  const written = (wildcard ? input.slice(2) : input).replace(/\.$/, "");
  if (written.includes("*")) throw refuse('"*" can only be the whole first label');
  const name = toAscii(written);
  if (name === undefined) throw refuse("it cannot be converted to a DNS name");
  const labels = name.split(".");
  if (labels.length < 2) throw refuse("it has only one label");
  if (name.length > 253 - (wildcard ? 2 : 0)) throw refuse(`it is ${name.length} characters long, the most is 253`);
  const bad = labels.find((label) => !LABEL.test(label));
  if (bad !== undefined) throw refuse(bad === "" ? "a label is empty" : `the label ${quote(bad)} is not possible`);
  if (/^\d+$/.test(labels.at(-1)!)) throw refuse("it is an address, not a name");
  return (wildcard ? `*.${name}` : name) as DnsName;
}

/** Reads a list of names and drops repetitions; the first stays first. */
export function parseDnsNames(input: readonly string[], field = "domains"): readonly [DnsName, ...DnsName[]] {
  const [first, ...rest] = new Set(input.map((name) => parseDnsName(name, field)));
  if (first === undefined) throw new InputError(field, "No domain name is given", "name at least one domain");
  const names: readonly [DnsName, ...DnsName[]] = [first, ...rest];
  const inside = names.find((name) => names.some((other) => other !== name && covers(other, name)));
  if (inside !== undefined) {
    // Boulder refuses such an order as malformed (wildcardOverlap).
    const wide = names.find((other) => other !== inside && covers(other, inside))!;
    throw new InputError(field, `${inside} is already covered by ${wide}`, `leave out ${inside}`);
  }
  return names;
}

/** Tells whether the name is a wildcard. */
export function isWildcard(name: DnsName): boolean {
  return name.startsWith("*.");
}

/** The name without `*.`: what the CA's authorization calls its identifier. */
export function baseName(name: DnsName): DnsName {
  return (isWildcard(name) ? name.slice(2) : name) as DnsName;
}

/** Tells whether a certificate for `pattern` is valid for `name` (RFC 6125 §6.4.3: one label for the star). */
export function covers(pattern: DnsName, name: DnsName): boolean {
  if (pattern === name) return true;
  if (!isWildcard(pattern) || isWildcard(name)) return false;
  return name.slice(name.indexOf(".") + 1) === baseName(pattern);
}

/** Tells whether two lists hold the same names, in whatever order. */
export function sameNames(a: readonly DnsName[], b: readonly DnsName[]): boolean {
  return a === b || nameSet(a) === nameSet(b); // most often it is the very list
}

/** The set of names as one text: sorted, so that equal sets give equal keys. */
export function nameSet(names: readonly DnsName[]): string {
  return [...new Set(names)].sort().join(",");
}

function toAscii(name: string): string | undefined {
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(name)) return name.toLowerCase(); // URL would turn 0x7f.1 into an address
  const url = URL.parse(`http://${name}`);
  return url === null ? undefined : url.hostname;
}

function quote(input: string): string {
  return JSON.stringify(input.length > 80 ? `${input.slice(0, 77)}...` : input);
}
