/** Joins bytes. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A number in so many bytes, most significant first. */
export function uint(value: number, size: 1 | 2 | 3): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([16, 8, 0].slice(3 - size), (shift) => value >> shift & 0xff);
}

/** Bytes with their length before them (RFC 5246 §4.3). */
export function vector(size: 1 | 2 | 3, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = joined(...parts);
  return joined(uint(body.length, size), body);
}

/** The bytes of ASCII text. */
export function ascii(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Takes things off the front of bytes. */
export interface Cursor {
  readonly left: number;
  take(count: number): Uint8Array<ArrayBuffer>;
  uint(size: 1 | 2 | 3): number;
  vector(size: 1 | 2 | 3): Uint8Array<ArrayBuffer>;
}

/**
 * Reads from the front.
 *
 * Its methods throw a RangeError where there is less than what they shall take.
 */
export function cursor(bytes: Uint8Array): Cursor {
  let at = 0;
  const take = (count: number): Uint8Array<ArrayBuffer> => {
    if (at + count > bytes.length) throw new RangeError(`Cannot take ${count} bytes of ${bytes.length - at}`);
    return bytes.slice(at, at += count);
  };
  const number = (size: 1 | 2 | 3): number => take(size).reduce((sum, byte) => sum * 256 + byte, 0);
  return {
    get left(): number {
      return bytes.length - at;
    },
    take,
    uint: number,
    vector: (size) => take(number(size)),
  };
}
