/**
 * How a secret looks where it has leaked: any part of it, in whatever way bytes are written as text.
 *
 * @module
 */
import { createPrivateKey } from "node:crypto";

/** Something that nobody may see. */
export interface Secret {
  readonly what: string;
  readonly bytes: Uint8Array;
}

/** A run of this many bytes is noticed wherever it begins: it holds one of the parts that are looked for. */
export const LEAST_RUN = 20;
const PART = 12;
const STEP = LEAST_RUN - PART;

/** A text that is secret as it stands. */
export function secretText(what: string, text: string): Secret {
  return { what, bytes: new TextEncoder().encode(text) };
}

/** The numbers of a private key that only its owner knows; the rest of its DER is public or says the kind. */
export function secretKey(what: string, pem: string): readonly Secret[] {
  const jwk = createPrivateKey(pem).export({ format: "jwk" });
  return [jwk.d, jwk.p, jwk.q].flatMap((number) =>
    number === undefined ? [] : [{ what, bytes: Uint8Array.fromBase64(number, { alphabet: "base64url" }) }]
  );
}

/** What was seen of which secrets in which of the texts; the secrets are not quoted. */
export function leaks(secrets: readonly Secret[], shown: ReadonlyMap<string, string>): readonly string[] {
  const found = new Set<string>();
  for (const [where, text] of shown) {
    const forms = formsOf(text);
    for (const { what, bytes } of secrets) {
      for (const [form, mark] of marksOf(bytes)) {
        if (forms[form].includes(mark)) found.add(`${what} as ${form} in ${where}`);
      }
    }
  }
  return [...found];
}

/** The ways to write bytes, and what has to be taken out of a text that may hold them so: PEM has lines, a URL escapes. */
function formsOf(text: string): Readonly<Record<Form, string>> {
  const dense = text.replaceAll(/\\[nr]|\s|\|/g, "").replaceAll(/%(2b|2f)/gi, (it) => decodeURIComponent(it));
  return {
    text,
    hexadecimal: dense.replaceAll(":", "").toLowerCase(),
    base64: dense.replaceAll("-", "+").replaceAll("_", "/"), // and base64url
  };
}

type Form = "text" | "hexadecimal" | "base64";

function* marksOf(bytes: Uint8Array): Iterable<readonly [Form, string]> {
  if (bytes.length < LEAST_RUN) throw new RangeError(`A secret of ${bytes.length} bytes is too short to look for`);
  for (let at = 0; at + PART <= bytes.length; at += STEP) {
    const part = bytes.subarray(at, at + PART);
    yield ["text", String.fromCharCode(...part)];
    yield ["hexadecimal", part.toHex()];
    for (const before of [0, 1, 2]) yield ["base64", inBase64(part, before)];
  }
}

/** The characters that bytes alone decide where so many others stand before them in their group of three. */
function inBase64(part: Uint8Array, before: number): string {
  const all = new Uint8Array([...new Uint8Array(before), ...part, 0, 0]).toBase64();
  return all.slice(Math.ceil(before * 8 / 6), Math.floor((before + part.length) * 8 / 6));
}
