import type { KeyObject } from "node:crypto";
import defer * as nodeCrypto from "node:crypto";
import type { ServerFlight } from "./tls_wire.ts";
import { concat } from "./tls_wire.ts";

interface Scheme {
  readonly hash: "sha256" | "sha384" | "sha512";
  readonly key: "ec" | "rsa";
  readonly padding?: number;
}

/** RSA_PKCS1_PADDING and RSA_PKCS1_PSS_PADDING of node:crypto, which is loaded when it is needed. */
const [PKCS1, PSS] = [1, 6];

/** What the signature algorithms of our hello mean (RFC 5246 §7.4.1.4.1, RFC 8446 §4.2.3). */
const SCHEMES: Readonly<Record<number, Scheme>> = {
  0x0403: { hash: "sha256", key: "ec" },
  0x0503: { hash: "sha384", key: "ec" },
  0x0603: { hash: "sha512", key: "ec" },
  0x0401: { hash: "sha256", key: "rsa", padding: PKCS1 },
  0x0501: { hash: "sha384", key: "rsa", padding: PKCS1 },
  0x0601: { hash: "sha512", key: "rsa", padding: PKCS1 },
  0x0804: { hash: "sha256", key: "rsa", padding: PSS },
  0x0805: { hash: "sha384", key: "rsa", padding: PSS },
  0x0806: { hash: "sha512", key: "rsa", padding: PSS },
};

/** Tells whether the holder of `key` signed this very exchange: it then has the certificate's private key. */
export function isSignedBy(key: KeyObject, clientRandom: Uint8Array, flight: ServerFlight): boolean {
  const { params, scheme, signature } = flight.keyExchange;
  const entry = SCHEMES[scheme];
  if (entry === undefined || entry.key !== key.asymmetricKeyType) return false;
  const { padding } = entry;
  const signed = concat(clientRandom, flight.random, params);
  const options = padding === undefined
    ? {}
    : { padding, ...(padding === PSS ? { saltLength: SALT[entry.hash] } : {}) };
  try {
    return nodeCrypto.verify(entry.hash, signed, { key, ...options }, signature);
  } catch {
    return false; // a signature that cannot even be parsed
  }
}

/** As long as the digest (RFC 8446 §4.2.3). */
const SALT = { sha256: 32, sha384: 48, sha512: 64 } as const;
