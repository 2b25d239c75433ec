/** One element of DER (X.690). */
export interface Element {
  readonly tag: number;
  readonly content: Uint8Array<ArrayBuffer>;
  /** With tag and length. */
  readonly whole: Uint8Array<ArrayBuffer>;
}

/**
 * Reads elements that follow each other, lengths in their shortest form.
 *
 * @throws {SyntaxError}
 */
export function elements(bytes: Uint8Array): readonly Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const element = elementAt(bytes, at);
    found.push(element);
    at += element.whole.length;
  }
  return found;
}

/** Reads one element that is all there is. */
export function onlyElement(bytes: Uint8Array): Element {
  const [element, ...more] = elements(bytes);
  if (element === undefined || more.length > 0) throw new SyntaxError("DER: not exactly one element");
  return element;
}

/** Writes an element. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const content = parts.flatMap((part) => [...part]);
  const hex = content.length.toString(16);
  const length = [...Uint8Array.fromHex(hex.padStart(hex.length + hex.length % 2, "0"))];
  return Uint8Array.from([tag, ...(content.length < 0x80 ? length : [0x80 | length.length, ...length]), ...content]);
}

/** An OBJECT IDENTIFIER with dots. */
export function dotted(content: Uint8Array): string {
  const arcs: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    arcs.push(value);
    value = 0;
  }
  const [first = 0, ...rest] = arcs;
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - 40 * root, ...rest].join(".");
}

function elementAt(bytes: Uint8Array, at: number): Element {
  const [tag, first] = bytes.subarray(at, at + 2);
  if (tag === undefined || first === undefined) throw new SyntaxError("DER: cut off");
  const extra = first < 0x80 ? 0 : first - 0x80;
  if (first === 0x80 || extra > 3) throw new SyntaxError("DER: impossible length");
  const digits = bytes.subarray(at + 2, at + 2 + extra);
  const length = extra === 0 ? first : digits.reduce((sum, byte) => sum * 256 + byte, 0);
  if (extra > 0 && (digits[0] === 0 || length < 0x80)) throw new SyntaxError("DER: length is not in its shortest form");
  const start = at + 2 + extra;
  if (start + length > bytes.length) throw new SyntaxError("DER: cut off");
  return { tag, content: bytes.slice(start, start + length), whole: bytes.slice(at, start + length) };
}
