import defer * as nodeCrypto from "node:crypto";
import { KEY_TYPE_NAMES, KEY_TYPES, type KeyKind, type KeyType } from "../model/key_type.ts";
import { writePem } from "./pem.ts";
import { describeShape, type KeyShape, readPrivateKey, wrongKind } from "./private_key.ts";

/** The key of a certificate. */
export interface KeyPair {
  /** Its kind. */
  readonly type: KeyType;
  /** Signs; secret. */
  readonly privateKey: CryptoKey;
  /** The other half. */
  readonly publicKey: CryptoKey;
  /** SubjectPublicKeyInfo: what a certificate for this key holds (RFC 5280 §4.1.2.7). */
  readonly spki: Uint8Array<ArrayBuffer>;
  /** PKCS#8 PEM, LF, one final newline. Secret. */
  readonly pem: string;
}

/** Generates a key pair. */
export async function generateKey(type: KeyType): Promise<KeyPair> {
  const pair = await crypto.subtle.generateKey(webCrypto(KEY_TYPES[type]), true, ["sign", "verify"]) as CryptoKeyPair;
  const [der, spki] = await Promise.all([
    crypto.subtle.exportKey("pkcs8", pair.privateKey),
    crypto.subtle.exportKey("spki", pair.publicKey),
  ]);
  return { type, ...pair, spki: new Uint8Array(spki), pem: writePem("PRIVATE KEY", new Uint8Array(der)) };
}

/**
 * Reads a key pair from the PEM of its private key: PKCS#8, PKCS#1 or SEC1.
 *
 * @param pem White space around it and the kind of its line ends do not matter.
 * @param field Where the text came from, for the error.
 * @throws {InputError} If it is no private key, or not EC on P-256 or P-384 or RSA of 2048 to 4096 bits.
 */
export async function importKey(pem: string, field = "private_key"): Promise<KeyPair> {
  const { shape, der, object } = readPrivateKey(pem, field);
  const type = keyTypeOf(shape);
  if (type === undefined) {
    throw wrongKind(field, describeShape(shape), "an EC key on P-256 or P-384, or RSA with 2048 to 4096 bits");
  }
  const spki = new Uint8Array(nodeCrypto.createPublicKey(object).export({ type: "spki", format: "der" }));
  const algorithm = webCrypto(KEY_TYPES[type]);
  const [privateKey, publicKey] = await Promise.all([
    crypto.subtle.importKey("pkcs8", der, algorithm, true, ["sign"]),
    crypto.subtle.importKey("spki", spki, algorithm, true, ["verify"]),
  ]);
  return { type, privateKey, publicKey, spki, pem: writePem("PRIVATE KEY", der) };
}

/** The kind of key as WebCrypto wants it, for making as for reading. */
function webCrypto(kind: KeyKind): EcKeyGenParams | RsaHashedKeyGenParams {
  if (kind.family === "EC") return { name: "ECDSA", namedCurve: kind.curve };
  return {
    name: "RSASSA-PKCS1-v1_5",
    hash: kind.hash,
    modulusLength: kind.bits,
    publicExponent: Uint8Array.of(1, 0, 1),
  };
}

/** An RSA key between two lengths, as 2560, counts as the shorter one. */
function keyTypeOf(shape: KeyShape): KeyType | undefined {
  if (shape.family === "RSA" && shape.bits > 4096) return undefined;
  return KEY_TYPE_NAMES.findLast((type) => {
    const kind = KEY_TYPES[type];
    if (kind.family === "EC") return shape.family === "EC" && shape.curve === kind.curve;
    return shape.family === "RSA" && shape.bits >= kind.bits;
  });
}
