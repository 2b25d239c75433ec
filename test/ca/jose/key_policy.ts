import type { KeyObject } from "node:crypto";
import { fromBase64Url } from "./base64url.ts";

const RSA_SIZES = [2048, 3072, 4096];
const CURVES = ["P-256", "P-384"];
/** Rounds of Fermat's method: they factor a modulus whose primes are close together, as some devices made them. */
const FERMAT_ROUNDS = 100;
const SMALL_PRIMES = primesBelow(752);

/** Says why nobody should use the key, for an account or in a certificate; undefined where it is good. */
export function keyFault(key: KeyObject): string | undefined {
  const { kty, crv, n = "", e = "" } = key.export({ format: "jwk" });
  if (kty === "EC") return CURVES.includes(crv ?? "") ? undefined : `ECDSA curve ${crv} not allowed`;
  return kty === "RSA" ? rsaFault(number(n), number(e)) : `unsupported key type ${kty}`;
}

/** Says why an RSA key with this modulus and exponent is weak. */
export function rsaFault(modulus: bigint, exponent: bigint): string | undefined {
  const bits = modulus.toString(2).length;
  if (!RSA_SIZES.includes(bits)) return `key size not supported: ${bits}`;
  if (exponent !== 65_537n) return "key exponent must be 65537";
  if (SMALL_PRIMES.some((prime) => modulus % prime === 0n)) return "key divisible by small prime";
  return isFermatFactorable(modulus) ? "key generated with factors too close together" : undefined;
}

function isFermatFactorable(modulus: bigint): boolean {
  let a = squareRoot(modulus);
  if (a * a < modulus) a++;
  for (let round = 0; round < FERMAT_ROUNDS; round++, a++) {
    const square = a * a - modulus;
    if (squareRoot(square) ** 2n === square) return true;
  }
  return false;
}

/** Newton's method, rounded down. */
function squareRoot(of: bigint): bigint {
  if (of < 2n) return of;
  let root = 1n << BigInt(Math.ceil(of.toString(2).length / 2));
  for (;;) {
    const next = (root + of / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

function primesBelow(limit: number): readonly bigint[] {
  const numbers = Array.from({ length: limit - 2 }, (_, i) => i + 2);
  return numbers.filter((n) => numbers.every((d) => d * d > n || n % d !== 0)).map(BigInt);
}

function number(text: string): bigint {
  return BigInt(`0x${fromBase64Url(text)?.toHex() || "0"}`);
}
