/** One element of DER (X.690): its tag, its content, and all of its bytes. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array<ArrayBuffer>;
  readonly whole: Uint8Array<ArrayBuffer>;
}

/**
 * The tags that are looked for: INTEGER, extensions [3] of a certificate (RFC 5280 §4.1), dNSName [2] (§4.2.1.6),
 * keyIdentifier [0] (§4.2.1.1).
 */
export const TAG = { integer: 0x02, extensions: 0xa3, dnsName: 0x82, keyIdentifier: 0x80 };

/**
 * Reads bytes as one element and nothing after it.
 *
 * @throws {SyntaxError} If it is cut off or something follows.
 */
export function readDer(bytes: Uint8Array<ArrayBuffer>): DerElement {
  const element = elementAt(bytes, 0);
  if (element.whole.length !== bytes.length) throw new SyntaxError("there are bytes after the end of its DER");
  return element;
}

/** Reads content as a row of elements. */
export function derChildren(parent: DerElement): readonly DerElement[] {
  const children: DerElement[] = [];
  for (let at = 0; at < parent.content.length;) {
    const child = elementAt(parent.content, at);
    children.push(child);
    at += child.whole.length;
  }
  return children;
}

/**
 * The values of a certificate's extensions with this object identifier; more than one should not be (RFC 5280 §4.2).
 *
 * @param oid Its DER content, lower-case hexadecimal.
 */
export function extensionValues(certificate: DerElement, oid: string): readonly Uint8Array<ArrayBuffer>[] {
  const [tbs] = derChildren(certificate);
  const extensions = tbs === undefined ? [] : derChildren(tbs).filter((it) => it.tag === TAG.extensions);
  const all = extensions.flatMap(derChildren).flatMap(derChildren).map(derChildren);
  return all.flatMap((parts) => parts[0]?.content.toHex() === oid ? parts.at(-1)?.content ?? [] : []);
}

function elementAt(bytes: Uint8Array<ArrayBuffer>, at: number): DerElement {
  const tag = byteAt(bytes, at);
  const first = byteAt(bytes, at + 1);
  const more = first < 0x80 ? 0 : first & 0x7f;
  // Nothing that we read is longer than 4 bytes can say; 0x80 is BER's indefinite length, which DER does not have.
  if (first === 0x80 || more > 4) throw new SyntaxError("its DER has an impossible length");
  let length = more === 0 ? first : 0;
  for (let i = 0; i < more; i++) length = length * 256 + byteAt(bytes, at + 2 + i);
  const start = at + 2 + more;
  if (start + length > bytes.length) throw new SyntaxError("its DER is cut off");
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) };
}

function byteAt(bytes: Uint8Array<ArrayBuffer>, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new SyntaxError("its DER is cut off");
  return byte;
}
