import type { KeyObject } from "node:crypto";
import defer * as nodeCrypto from "node:crypto";
import { InputError } from "../model/errors.ts";
import { type PemBlock, readPem, writePem } from "./pem.ts";

/** What WebCrypto needs to know of a key. */
export type KeyShape =
  | { readonly family: "EC"; readonly curve: string }
  | { readonly family: "RSA"; readonly bits: number };

/** A private key that was read; secret. */
export interface PrivateKey {
  readonly shape: KeyShape;
  /** PKCS#8. */
  readonly der: Uint8Array<ArrayBuffer>;
  readonly object: KeyObject;
}

/** PKCS#8, PKCS#1, SEC1. */
const LABELS: readonly string[] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];

/** The names that node:crypto has for the curves of RFC 7518 §6.2.1.1. */
const CURVES: Readonly<Record<string, string>> = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };

/**
 * Reads a private key in PEM: PKCS#8, PKCS#1 or SEC1, the latter also behind its EC PARAMETERS.
 *
 * @param field Where the text came from.
 * @throws {InputError} If it is anything else. Neither message nor cause quote the text.
 */
export function readPrivateKey(pem: string, field: string): PrivateKey {
  const block = onlyKey(pem, field);
  if (!LABELS.includes(block.label)) throw notAKey(field, `it is ${kindOf(block.label)}`);
  const object = parse(block, field);
  return {
    shape: shapeOf(object, field),
    // Exporting costs as much as reading; what is PKCS#8 already stays as it is.
    der: block.label === "PRIVATE KEY" ? block.der : new Uint8Array(object.export({ type: "pkcs8", format: "der" })),
    object,
  };
}

/** Refuses a key that is sound but of a kind that is not used here. */
export function wrongKind(field: string, found: string, wanted: string): InputError {
  return new InputError(field, `Cannot use the private key: it is ${found}`, `use ${wanted}`);
}

/** Says the kind of a key. */
export function describeShape(shape: KeyShape): string {
  return shape.family === "EC" ? `EC on ${shape.curve}` : `RSA with ${shape.bits} bits`;
}

function onlyKey(pem: string, field: string): PemBlock {
  const blocks = blocksOf(pem, field).filter((block) => block.label !== "EC PARAMETERS");
  const [first, second] = blocks;
  if (first === undefined) throw notAKey(field, "it holds only EC PARAMETERS");
  if (second !== undefined) throw notAKey(field, `there are ${blocks.length} PEM blocks`);
  return first;
}

function blocksOf(pem: string, field: string): readonly PemBlock[] {
  try {
    return readPem(pem);
  } catch (error) {
    throw notAKey(field, error instanceof Error ? error.message : String(error));
  }
}

function parse({ label, der }: PemBlock, field: string): KeyObject {
  try {
    return nodeCrypto.createPrivateKey(writePem(label, der));
  } catch {
    throw notAKey(field, "the content of its PEM block is not a key");
  }
}

function shapeOf(key: KeyObject, field: string): KeyShape {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "ec") {
    const curve = details?.namedCurve ?? "an unnamed curve";
    return { family: "EC", curve: CURVES[curve] ?? curve };
  }
  if (type === "rsa") return { family: "RSA", bits: details?.modulusLength ?? 0 };
  throw wrongKind(field, `of type ${type ?? "unknown"}`, "an EC or RSA key");
}

function notAKey(field: string, found: string): InputError {
  const todo = "give a private key in PEM, without a passphrase: PKCS#8, PKCS#1 or SEC1";
  return new InputError(field, `Cannot read the private key: ${found}`, todo);
}

/** Only labels that are known are named: an unknown one could be anything, also a part of a key. */
function kindOf(label: string): string {
  if (label === "ENCRYPTED PRIVATE KEY") return "encrypted";
  if (label === "CERTIFICATE") return "a certificate";
  if (label.endsWith("PUBLIC KEY")) return "a public key";
  return "PEM of another kind";
}
