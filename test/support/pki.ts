/**
 * A small authority for tests: root, intermediate and leaves, written as DER and signed with `node:crypto`. It shares no
 * code with the product.
 *
 * @module
 */
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, sign, X509Certificate } from "node:crypto";
import type { Bundle } from "../../src/model/certificate.ts";
import { type DnsName, parseDnsName } from "../../src/model/dns_name.ts";
import type { ChallengeCertificate } from "../../src/ports.ts";

/** The kinds of keys that it makes. */
export type PkiKey = "ec-256" | "ec-384" | "rsa-2048" | "rsa-1024" | "secp256k1";

/** What a leaf can be made with. */
export interface LeafOptions {
  readonly key?: PkiKey;
  /** Hexadecimal; default: counts up. */
  readonly serial?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Adds bytes to the leaf: an extension of that length without meaning. */
  readonly padding?: number;
}

/** Root and intermediate, and the leaves that they sign. */
export interface Pki {
  readonly rootPem: string;
  /** A bundle for the names; the first is the subject. */
  issue(names: readonly [string, ...string[]], options?: LeafOptions): Bundle;
}

/** Makes an authority whose root and intermediate have keys of that kind. */
export function testPki(kind: PkiKey = "ec-256"): Pki {
  const root = { subject: "Test root", key: newKey(kind) };
  const intermediate = { subject: "Test intermediate", key: newKey(kind) };
  const rootDer = certificate({ ...authority, subject: root.subject, key: root.key, issuer: root, serial: "01" });
  const intermediateDer = certificate({ ...authority, ...intermediate, issuer: root, serial: "02" });
  return {
    rootPem: pem("CERTIFICATE", rootDer),
    issue(names, options = {}): Bundle {
      const dns = names.map((name) => parseDnsName(name));
      const { key: keyKind = "ec-256", notBefore = ago(1), notAfter = ago(-90), serial = nextSerial() } = options;
      const key = newKey(keyKind);
      const extensions = [
        subjectAltName(dns),
        ...options.padding === undefined
          ? []
          : [extension("1.3.6.1.4.1.99999.1", octets(new Uint8Array(options.padding)))],
      ];
      const der = certificate({
        subject: names[0],
        key,
        issuer: intermediate,
        serial,
        notBefore,
        notAfter,
        extensions,
      });
      return {
        facts: {
          subject: names[0],
          issuer: intermediate.subject,
          names: dns,
          serial,
          notBefore,
          notAfter,
          fingerprint: sha256(der),
        },
        certificates: [pem("CERTIFICATE", der), pem("CERTIFICATE", intermediateDer)],
        keyPem: keyPem(key),
      };
    },
  };
}

/** A self-signed certificate with the critical acmeIdentifier extension (RFC 8737 §3). */
export function challengeCertificate(name: string, keyAuthorization: string): ChallengeCertificate {
  const dns = parseDnsName(name);
  const key = newKey("ec-256");
  const digest = createHash("sha256").update(keyAuthorization).digest();
  const der = certificate({
    subject: name,
    key,
    issuer: { subject: name, key },
    serial: nextSerial(),
    notBefore: ago(1),
    notAfter: ago(-7),
    extensions: [subjectAltName([dns]), extension("1.3.6.1.5.5.7.1.31", octets(digest), true)],
  });
  return { name: dns, pem: pem("CERTIFICATE", der) + keyPem(key), fingerprint: sha256(der) };
}

/** The bundle of another certificate with this one's key in place of its own: HAProxy refuses to commit it. */
export function withKeyOf(bundle: Bundle, other: Bundle): Bundle {
  return { ...bundle, keyPem: other.keyPem };
}

/** SHA-256 of the first certificate in a PEM text, as clients and records tell it. */
export function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();
}

// --- certificates --------------------------------------------------------------------------------------------------------

interface Party {
  readonly subject: string;
  readonly key: KeyObject;
}

interface Template extends Party {
  readonly issuer: Party;
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly Uint8Array[];
}

let serials = 0x1000;

function nextSerial(): string {
  return `0${(serials++).toString(16)}`.slice(-4);
}

function ago(days: number): Date {
  return new Date(Math.floor(Date.now() / 1000 - days * 86_400) * 1000);
}

const authority = {
  notBefore: ago(2),
  notAfter: ago(-3_650),
  // basicConstraints: CA
  extensions: [extension("2.5.29.19", sequence(new Uint8Array([0x01, 0x01, 0xff])), true)],
};

const CURVES = { "ec-256": "P-256", "ec-384": "P-384", secp256k1: "secp256k1" } as const;

function newKey(kind: PkiKey): KeyObject {
  if (kind === "rsa-2048") return generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey;
  if (kind === "rsa-1024") return generateKeyPairSync("rsa", { modulusLength: 1_024 }).privateKey;
  return generateKeyPairSync("ec", { namedCurve: CURVES[kind] }).privateKey;
}

function keyPem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString().trimEnd() + "\n";
}

/** RFC 5280 §4.1. */
function certificate(it: Template): Uint8Array<ArrayBuffer> {
  const algorithm = signatureAlgorithm(it.issuer.key);
  const tbs = sequence(
    tlv(0xa0, integer(new Uint8Array([2]))),
    integer(hex(it.serial)),
    algorithm,
    name(it.issuer.subject),
    sequence(time(it.notBefore), time(it.notAfter)),
    name(it.subject),
    publicKey(it.key),
    tlv(0xa3, sequence(...it.extensions)),
  );
  const signature = new Uint8Array(sign("sha256", tbs, it.issuer.key));
  return sequence(tbs, algorithm, tlv(0x03, new Uint8Array([0]), signature));
}

function signatureAlgorithm(key: KeyObject): Uint8Array<ArrayBuffer> {
  return key.asymmetricKeyType === "rsa"
    ? sequence(oid("1.2.840.113549.1.1.11"), tlv(0x05))
    : sequence(oid("1.2.840.10045.4.3.2"));
}

function publicKey(key: KeyObject): Uint8Array<ArrayBuffer> {
  const { n, e, x, y, crv } = createPrivateKey(key.export({ type: "pkcs8", format: "pem" })).export({ format: "jwk" });
  if (n !== undefined && e !== undefined) {
    const numbers = sequence(integer(base64url(n)), integer(base64url(e)));
    return sequence(sequence(oid("1.2.840.113549.1.1.1"), tlv(0x05)), tlv(0x03, new Uint8Array([0]), numbers));
  }
  const curve = crv === "P-384" ? "1.3.132.0.34" : "1.2.840.10045.3.1.7";
  const point = [new Uint8Array([0, 4]), base64url(x ?? ""), base64url(y ?? "")];
  return sequence(sequence(oid("1.2.840.10045.2.1"), oid(curve)), tlv(0x03, ...point));
}

function subjectAltName(names: readonly DnsName[]): Uint8Array<ArrayBuffer> {
  return extension("2.5.29.17", sequence(...names.map((it) => tlv(0x82, new TextEncoder().encode(it)))));
}

function extension(id: string, value: Uint8Array, critical = false): Uint8Array<ArrayBuffer> {
  return sequence(oid(id), ...critical ? [new Uint8Array([0x01, 0x01, 0xff])] : [], octets(value));
}

function name(commonName: string): Uint8Array<ArrayBuffer> {
  const attribute = sequence(oid("2.5.4.3"), tlv(0x0c, new TextEncoder().encode(commonName)));
  return sequence(tlv(0x31, attribute));
}

// --- DER -----------------------------------------------------------------------------------------------------------------

function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  const bytes = new Uint8Array(1 + size.length + length);
  bytes.set([tag, ...size]);
  let at = 1 + size.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return tlv(0x30, ...parts);
}

function octets(value: Uint8Array): Uint8Array<ArrayBuffer> {
  return tlv(0x04, value);
}

function integer(value: Uint8Array): Uint8Array<ArrayBuffer> {
  return tlv(0x02, ...(value[0] ?? 0) > 0x7f ? [new Uint8Array([0])] : [], value);
}

function oid(text: string): Uint8Array<ArrayBuffer> {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  return tlv(0x06, new Uint8Array([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let left = value >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
  return digits;
}

/** UTCTime, which RFC 5280 §4.1.2.5 wants until 2049. */
function time(date: Date): Uint8Array<ArrayBuffer> {
  const digits = date.toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return tlv(0x17, new TextEncoder().encode(`${digits}Z`));
}

function hex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(text);
}

function base64url(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(text, { alphabet: "base64url" });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function pem(label: string, der: Uint8Array): string {
  const lines = der.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
