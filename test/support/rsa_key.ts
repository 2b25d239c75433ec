import { writePem } from "../../src/x509/pem.ts";

/**
 * A private key of any length at once: consistent as RFC 8017 §3.2 wants it, but its factors are no primes, so it is good
 * for nothing but being read. Generating a real one of 4224 bits takes seconds.
 *
 * @returns PKCS#1 PEM.
 */
export function readableRsaKey(bits: number): string {
  const e = 65_537n;
  // The three top bits are set, so that the product has all of its bits; steps of 2 until the inverses exist.
  const p = search((7n << BigInt(bits / 2 - 3)) + 1n, (it) => coprime(it - 1n, e));
  const q = search(p - 2n ** 64n, (it) => coprime(it - 1n, e) && coprime(it, p));
  const d = inverse(e, (p - 1n) * (q - 1n));
  const numbers = [0n, p * q, e, d, p, q, d % (p - 1n), d % (q - 1n), inverse(q, p)];
  return writePem("RSA PRIVATE KEY", element(0x30, Uint8Array.from(numbers.flatMap((it) => [...integer(it)]))));
}

function search(from: bigint, good: (it: bigint) => boolean): bigint {
  for (let it = from;; it += 2n) if (good(it)) return it;
}

function coprime(a: bigint, b: bigint): boolean {
  return b === 0n ? a === 1n : coprime(b, a % b);
}

function inverse(of: bigint, modulus: bigint): bigint {
  let [r, next, s, t] = [of % modulus, modulus, 1n, 0n];
  while (next !== 0n) [r, next, s, t] = [next, r % next, t, s - r / next * t];
  return (s % modulus + modulus) % modulus;
}

function integer(value: bigint): Uint8Array {
  const hex = value.toString(16);
  const bytes = Uint8Array.fromHex(hex.padStart(hex.length + hex.length % 2, "0"));
  return element(2, bytes[0]! < 0x80 ? bytes : Uint8Array.of(0, ...bytes));
}

function element(tag: number, body: Uint8Array): Uint8Array {
  const { length } = body;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Uint8Array.of(tag, ...size, ...body);
}
