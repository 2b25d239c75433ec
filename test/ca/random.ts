import { createHash } from "node:crypto";

/** Chance that repeats itself: the same seed gives the same course. Not for keys. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number in [0, limit). */
  below(limit: number): number;
  /** Happens in this share of the cases; 0 never, 1 always. */
  chance(share: number): boolean;
  /** So many bytes. */
  bytes(count: number): Uint8Array<ArrayBuffer>;
  /** base64url of so many bytes. */
  token(count: number): string;
  /** The same items in another order. */
  shuffled<T>(items: readonly T[]): T[];
  /** A course of its own: drawing from one stream does not move another. */
  stream(name: string): Random;
}

/** Chance from a seed: SHA-256 spreads it, sfc32 (Chris Doty-Humphrey's PractRand) goes on from there. */
export function seeded(seed: string): Random {
  const digest = createHash("sha256").update(seed).digest();
  let [a, b, c, counter] = [0, 4, 8, 12].map((at) => digest.readInt32LE(at)) as [number, number, number, number];
  const word = (): number => {
    const sum = (a + b | 0) + counter | 0;
    counter = counter + 1 | 0;
    a = b ^ b >>> 9;
    b = c + (c << 3) | 0;
    c = (c << 21 | c >>> 11) + sum | 0;
    return sum >>> 0;
  };
  const next = (): number => word() / 2 ** 32;
  const below = (limit: number): number => Math.floor(next() * limit);
  const bytes = (count: number): Uint8Array<ArrayBuffer> => Uint8Array.from({ length: count }, () => below(256));
  return {
    next,
    below,
    chance: (share) => next() < share,
    bytes,
    token: (count) => bytes(count).toBase64({ alphabet: "base64url", omitPadding: true }),
    shuffled: (items) => shuffled(items, below),
    stream: (name) => seeded(`${seed}/${name}`),
  };
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], below: (limit: number) => number): T[] {
  const rest = [...items];
  return items.flatMap(() => rest.splice(below(rest.length), 1));
}
