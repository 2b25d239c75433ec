import { isObject, type JsonObject } from "./fields.ts";
import { Problem, problemOfNames } from "./problem.ts";

const LONGEST = 253;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** A lower-case name of two labels or more that a certificate may hold. */
export function isHostName(name: string): boolean {
  return nameFault(name) === undefined;
}

/** Says why no certificate can be for a name without wildcard; undefined where it can. */
export function nameFault(name: string): string | undefined {
  if (name === "") return "Domain name is empty";
  if (/[^a-z0-9.-]/.test(name)) return "Domain name contains an invalid character";
  if (name.length > LONGEST) return `Domain name is longer than ${LONGEST} bytes`;
  if (/^[0-9.]+$/.test(name)) return "Domain name is an IP address";
  if (name.endsWith(".")) return "Domain name ends in a dot";
  const labels = name.split(".");
  if (labels.length < 2) return "Domain name needs at least one dot";
  if (labels.length > 10) return "Domain name has more than 10 labels (parts)";
  if (labels.includes("")) return "Domain name can not have two dots in a row";
  const bad = labels.find((label) => !LABEL.test(label));
  if (bad !== undefined) {
    return bad.length > 63 ? "Domain has a label longer than 63 bytes" : "Domain label is malformed";
  }
  if (labels.some((label) => /^..--/.test(label) && !label.startsWith("xn--"))) {
    return "Domain label is a reserved LDH label";
  }
  return /^[0-9]+$/.test(labels.at(-1) ?? "") ? "Domain name does not end with a valid public suffix (TLD)" : undefined;
}

/**
 * Reads the identifiers of a newOrder (RFC 8555 §7.4): lower case, sorted, each once.
 *
 * @throws {Problem} malformed, unsupportedIdentifier or rejectedIdentifier.
 */
export function readNames(
  { identifiers }: JsonObject,
  { blocked, maxNames }: { readonly blocked: readonly string[]; readonly maxNames: number },
): readonly string[] {
  if (!Array.isArray(identifiers) || identifiers.length === 0) {
    throw new Problem("malformed", "NewOrder request did not specify any identifiers");
  }
  const names = [...new Set(identifiers.map((it: unknown) => readIdentifier(it)))].sort();
  if (names.length > maxNames) {
    throw new Problem("malformed", `Order cannot contain more than ${maxNames} identifiers`);
  }
  const faults = names.flatMap((name) => {
    const fault = orderedNameFault(name, blocked);
    return fault === undefined ? [] : [[name, fault] as const];
  });
  if (faults.length > 0) throw problemOfNames("rejectedIdentifier", faults);
  checkOverlap(names);
  return names;
}

function readIdentifier(identifier: unknown): string {
  if (!isObject(identifier) || typeof identifier.type !== "string" || typeof identifier.value !== "string") {
    throw new Problem("malformed", "identifier has no type or no value");
  }
  const { type, value } = identifier;
  if (type !== "dns") throw new Problem("unsupportedIdentifier", `invalid identifier type "${type}"`);
  return value.toLowerCase();
}

function orderedNameFault(name: string, blocked: readonly string[]): string | undefined {
  const base = name.replace(/^\*\./, "");
  if (base.includes("*")) return "Invalid wildcard: it must be the whole of the leftmost label";
  if (blocked.some((it) => base === it || base.endsWith(`.${it}`))) {
    return "The ACME server refuses to issue a certificate for this domain name, because it is forbidden by policy";
  }
  return nameFault(base);
}

/** As Boulder: `*.a.b` goes with `a.b`, not with `x.a.b`. */
function checkOverlap(names: readonly string[]): void {
  for (const name of names.filter((it) => !it.startsWith("*."))) {
    const wildcard = `*.${name.slice(name.indexOf(".") + 1)}`;
    if (!names.includes(wildcard)) continue;
    const text =
      `Domain name "${name}" is redundant with a wildcard domain in the same request. Remove one or the other`;
    throw new Problem("malformed", text);
  }
}
