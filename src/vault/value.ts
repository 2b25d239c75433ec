import { InputError } from "../model/errors.ts";

/** Runs that Kontena's API does not print: control, unassigned and surrogate code points, line and paragraph separators. */
const UNPRINTABLE = /(?:(?![\t\r\n])[\p{Cc}\p{Cn}\p{Cs}\p{Zl}\p{Zp}])+/gu;
/** What is white space to Kontena: ASCII alone. The rest of it was unprintable, so it is a space by now. */
const SPACE = " \t\r\n";

/**
 * Brings a secret's value into the form in which Kontena's vault keeps it: each run of unprintable characters other than
 * tab, CR and LF becomes one space, and outer white space goes, so that a PEM text loses its final newline.
 *
 * @param value Secret; never quoted.
 * @param field Where it was written, for the error.
 * @throws {InputError} If nothing is left.
 * @example
 * ```ts
 * import { normaliseValue } from "@kontena/certificates";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(normaliseValue(" a\u0000\u0001b\n"), "a b");
 * ```
 */
export function normaliseValue(value: string, field = "value"): string {
  const kept = strip(value.replace(UNPRINTABLE, " "));
  if (kept === "") throw new InputError(field, "Value can't be blank", "give a value of one visible character or more");
  return kept;
}

/** By hand: a pattern for the end would try again at each space of a long run inside. */
function strip(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && SPACE.includes(text.charAt(start))) start++;
  while (start < end && SPACE.includes(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}
