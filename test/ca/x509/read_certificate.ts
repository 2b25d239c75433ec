import { createPublicKey, verify } from "node:crypto";
import { isGood } from "./is_good.ts";
import { dotted, type Element, elements, onlyElement } from "./der.ts";

/** An extension (RFC 5280 §4.2). */
export interface CertificateExtension {
  readonly oid: string;
  readonly critical: boolean;
  /** What is inside the OCTET STRING. */
  readonly value: Uint8Array<ArrayBuffer>;
}

/** A certificate, byte for byte (RFC 5280 §4.1). */
export interface CertificateFields {
  /** What is signed. */
  readonly tbs: Uint8Array<ArrayBuffer>;
  readonly signatureAlgorithm: string;
  readonly signature: Uint8Array<ArrayBuffer>;
  readonly issuer: Uint8Array<ArrayBuffer>;
  readonly subject: Uint8Array<ArrayBuffer>;
  readonly spki: Uint8Array<ArrayBuffer>;
  /** Also those of a certificate that calls itself version 1, as old challenge certificates did. */
  readonly extensions: readonly CertificateExtension[];
}

const TAG = { version: 0xa0, extensions: 0xa3, boolean: 0x01, dnsName: 0x82, rdn: 0x31 };
const SUBJECT_ALT_NAME = "2.5.29.17";
const COMMON_NAME = "2.5.4.3";
const HASHES: Readonly<Record<string, string | null>> = {
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.3.101.112": null, // Ed25519
};

/**
 * Reads a certificate.
 *
 * @throws {SyntaxError}
 */
export function readCertificate(der: Uint8Array): CertificateFields {
  const [tbs, algorithm, signature] = elements(onlyElement(der).content);
  const fields = elements(part(tbs).content).filter(({ tag }) => tag !== TAG.version);
  const [_serial, _algorithm, issuer, _validity, subject, spki] = fields;
  return {
    tbs: part(tbs).whole,
    signatureAlgorithm: oid(part(elements(part(algorithm).content)[0])),
    signature: part(signature).content.slice(1), // a BIT STRING says first how many bits are unused
    issuer: part(issuer).whole,
    subject: part(subject).whole,
    spki: part(spki).whole,
    extensions: fields.filter(({ tag }) => tag === TAG.extensions)
      .flatMap(({ content }) => elements(onlyElement(content).content)).map(readExtension),
  };
}

/** Tells whether its own key signed it and it names itself as issuer. */
export function isSelfSigned(
  { tbs, signature, signatureAlgorithm, issuer, subject, spki }: CertificateFields,
): boolean {
  const hash = HASHES[signatureAlgorithm];
  if (hash === undefined || issuer.toHex() !== subject.toHex()) return false;
  return isGood(() => {
    const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
    return verify(hash, tbs, key, signature);
  });
}

/** The dNSNames of its SAN as they are written. */
export function dnsNames({ extensions }: CertificateFields): readonly string[] {
  return extensions.filter((it) => it.oid === SUBJECT_ALT_NAME)
    .flatMap(({ value }) => elements(onlyElement(value).content))
    .filter(({ tag }) => tag === TAG.dnsName).map(({ content }) => text(content));
}

/** All names for an error message: common names and dNSNames, lower case, sorted. */
export function shownNames(certificate: CertificateFields): string {
  const commonNames = elements(onlyElement(certificate.subject).content)
    .flatMap(({ content }) => elements(content)).map(({ content }) => elements(content))
    .filter(([type]) => type !== undefined && oid(type) === COMMON_NAME).map(([, value]) => text(part(value).content));
  return [...new Set([...commonNames, ...dnsNames(certificate)].map((it) => it.toLowerCase()))].sort().join(", ");
}

function readExtension({ content }: Element): CertificateExtension {
  const [id, ...rest] = elements(content);
  const value = part(rest.at(-1));
  const flag = rest.length > 1 ? rest[0] : undefined;
  return { oid: oid(part(id)), critical: flag?.tag === TAG.boolean && flag.content[0] === 0xff, value: value.content };
}

function part(element: Element | undefined): Element {
  if (element === undefined) throw new SyntaxError("Certificate: a part is missing");
  return element;
}

function oid({ content }: Element): string {
  return dotted(content);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}
