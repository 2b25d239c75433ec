import { constants, createPublicKey, verify } from "node:crypto";
import { isGood } from "../x509/is_good.ts";
import { joined } from "./bytes.ts";
import type { ServerFlight } from "./server_flight.ts";

interface Scheme {
  readonly type: "ec" | "rsa" | "ed25519";
  readonly hash: "sha256" | "sha384" | "sha512" | null;
  readonly isPss?: boolean;
}

/** Signature algorithms of our hello (RFC 5246 §7.4.1.4.1, RFC 8446 §4.2.3). */
const SCHEMES: Readonly<Record<number, Scheme>> = {
  0x0403: { type: "ec", hash: "sha256" },
  0x0503: { type: "ec", hash: "sha384" },
  0x0603: { type: "ec", hash: "sha512" },
  0x0807: { type: "ed25519", hash: null },
  0x0804: { type: "rsa", hash: "sha256", isPss: true },
  0x0805: { type: "rsa", hash: "sha384", isPss: true },
  0x0806: { type: "rsa", hash: "sha512", isPss: true },
  0x0401: { type: "rsa", hash: "sha256" },
  0x0501: { type: "rsa", hash: "sha384" },
  0x0601: { type: "rsa", hash: "sha512" },
};

/** Tells whether whoever answered has the private key: it signed our random and its own (RFC 8422 §5.4). */
export function isProven(spki: Uint8Array, clientRandom: Uint8Array, flight: ServerFlight): boolean {
  const scheme = SCHEMES[flight.scheme];
  const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  if (scheme === undefined || scheme.type !== key.asymmetricKeyType) return false;
  const options = scheme.isPss === true
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: SALT_LENGTH[scheme.hash ?? "sha256"] }
    : {};
  const signed = joined(clientRandom, flight.random, flight.parameters);
  return isGood(() => verify(scheme.hash, signed, { key, ...options }, flight.signature));
}

/** As long as the hash (RFC 8446 §4.2.3). */
const SALT_LENGTH = { sha256: 32, sha384: 48, sha512: 64 };
