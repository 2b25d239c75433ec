import type { JsonObject } from "./fields.ts";
import { isHostName } from "./names.ts";
import { Problem } from "./problem.ts";

/** How many a CA keeps. */
const MOST = 2;

/**
 * Reads `contact` (RFC 8555 §7.3): `mailto:` with one address and no header fields.
 *
 * @returns undefined where the field is not there.
 * @throws {Problem} unsupportedContact, invalidContact or malformed.
 */
export function readContacts({ contact }: JsonObject): readonly string[] | undefined {
  if (contact === undefined) return undefined;
  if (!Array.isArray(contact)) throw new Problem("malformed", `"contact" is not a list`);
  if (contact.length > MOST) {
    throw new Problem("malformed", `too many contacts provided: ${contact.length} > ${MOST}`);
  }
  return contact.map((it: unknown) => readContact(it));
}

function readContact(contact: unknown): string {
  if (typeof contact !== "string" || contact === "") throw new Problem("invalidContact", "empty contact");
  if (!/^[\x20-\x7e]*$/.test(contact)) throw new Problem("invalidContact", "contact contains non-ASCII characters");
  if (!/^mailto:/i.test(contact)) {
    const [scheme] = contact.split(":");
    throw new Problem("unsupportedContact", `only contact scheme 'mailto:' is supported, not "${scheme}"`);
  }
  const address = contact.slice("mailto:".length);
  if (/[?#]/.test(address)) throw new Problem("invalidContact", "contact email contains a question mark or fragment");
  if (/,|%2c/i.test(address)) throw new Problem("invalidContact", "more than one email address in one contact");
  if (!isAddress(address)) throw new Problem("invalidContact", "unable to parse email address");
  return contact;
}

function isAddress(text: string): boolean {
  const [local = "", host = "", ...more] = text.split("@");
  return more.length === 0 && /^[A-Za-z0-9.!#$%&'*+/=^_`{|}~-]{1,64}$/.test(local) && isHostName(host.toLowerCase());
}
