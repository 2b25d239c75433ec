import type { KeyObject, X509Certificate } from "node:crypto";
import defer * as nodeCrypto from "node:crypto";
import type { CertificateFacts } from "../model/certificate.ts";
import { type DnsName, parseDnsName } from "../model/dns_name.ts";
import { given } from "../model/shape.ts";
import { certIdOf } from "./cert_id.ts";
import { derChildren, type DerElement, extensionValues, readDer, TAG } from "./der.ts";
import type { KeyPair } from "./keys.ts";

/** A certificate as it came, and what is read off it. */
export interface Certificate {
  readonly der: Uint8Array<ArrayBuffer>;
  readonly facts: CertificateFacts;
  /** Whole subject and issuer, a line for each part; empty where there is none. */
  readonly subjectName: string;
  readonly issuerName: string;
  /** All dNSNames of the SAN in lower case, also those that are no {@linkcode DnsName}. */
  readonly dnsNames: readonly string[];
  /** It may sign others (RFC 5280 §4.2.1.9). */
  readonly isAuthority: boolean;
}

const SUBJECT_ALT_NAME = "551d11"; // 2.5.29.17
const RSASSA_PSS = "2a864886f70d01010a"; // 1.2.840.113549.1.1.10

/**
 * Reads a certificate. Most is read by node:crypto, which is many times as fast as the ASN.1 libraries; the
 * names are not, because its text form does not tell "DNS:a, DNS:b" from one name that contains ", DNS:b".
 *
 * @throws {SyntaxError} If it is not one X.509 certificate.
 */
export function readCertificate(der: Uint8Array<ArrayBuffer>): Certificate {
  const whole = readDer(der);
  const dnsNames = subjectAltNames(whole);
  const certId = certIdOf(whole);
  try {
    return { der, dnsNames, ...readX509(new nodeCrypto.X509Certificate(der), dnsNames, certId) };
  } catch {
    // Its parts are parsed when they are asked for, each with an error of its own that would tell the reader nothing.
    throw new SyntaxError("it is not an X.509 certificate");
  }
}

/** The facts alone. */
export function certificateFacts(der: Uint8Array<ArrayBuffer>): CertificateFacts {
  return readCertificate(der).facts;
}

/** Tells whether the certificate is for this key. */
export function holdsKey(certificate: Certificate, key: KeyPair): boolean {
  const spki = publicKeyOf(certificate)?.export({ type: "spki", format: "der" });
  return spki?.toString("hex") === key.spki.toHex();
}

/**
 * Tells whether `issuer` signed the certificate: its name is the issuer's, and its key verifies the signature. The runtime
 * verifies neither RSASSA-PSS nor keys on curves like P-521; there the name alone decides, because the question is whether a
 * chain is in order, not whether it is trusted.
 */
export function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  if (certificate.issuerName !== issuer.subjectName) return false;
  const key = publicKeyOf(issuer);
  if (key === undefined || isPss(certificate.der)) return true;
  try {
    return new nodeCrypto.X509Certificate(certificate.der).verify(key);
  } catch {
    return true;
  }
}

/** Tells whether it is signed by its own key, as roots are. */
export function isSelfSigned(certificate: Certificate): boolean {
  return isSignedBy(certificate, certificate);
}

function readX509(
  x509: X509Certificate,
  dnsNames: readonly string[],
  certId: string | undefined,
): Omit<Certificate, "der" | "dnsNames"> {
  const { subject, issuer } = x509.toLegacyObject();
  const issuerName = x509.issuer ?? "";
  const serial = x509.serialNumber.toLowerCase();
  const cn = commonName(subject);
  const facts: CertificateFacts = {
    subject: cn,
    issuer: commonName(issuer) || issuerName.replaceAll("\n", ", "),
    // Without dNSNames the CN is the name (RFC 6125 §6.4.4): for such a one HAProxy answers too.
    names: (dnsNames.length > 0 ? dnsNames : [cn.toLowerCase()]).filter(isDnsName),
    serial: serial.padStart(serial.length + serial.length % 2, "0"),
    notBefore: date(x509.validFrom),
    notAfter: date(x509.validTo),
    fingerprint: x509.fingerprint256.replaceAll(":", "").toLowerCase(),
    ...given("certId", certId),
  };
  return { facts, subjectName: x509.subject ?? "", issuerName, isAuthority: x509.ca };
}

function date(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new RangeError(`Cannot read the date ${text}`);
  return date;
}

function publicKeyOf({ der }: Certificate): KeyObject | undefined {
  try {
    return new nodeCrypto.X509Certificate(der).publicKey;
  } catch {
    return undefined; // of a kind that the runtime does not know
  }
}

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature } (RFC 5280 §4.1). */
function isPss(der: Uint8Array<ArrayBuffer>): boolean {
  const algorithm = derChildren(readDer(der))[1];
  const oid = algorithm === undefined ? undefined : derChildren(algorithm)[0];
  return oid?.content.toHex() === RSASSA_PSS;
}

function subjectAltNames(certificate: DerElement): readonly string[] {
  return extensionValues(certificate, SUBJECT_ALT_NAME)
    .flatMap((value) => derChildren(readDer(value)))
    .filter((name) => name.tag === TAG.dnsName)
    .map((name) => new TextDecoder("latin1").decode(name.content).toLowerCase());
}

function isDnsName(name: string): name is DnsName {
  try {
    return parseDnsName(name) === name;
  } catch {
    return false;
  }
}

/** The first CN; node:crypto gives a list where there are several. */
function commonName(name: object | undefined): string {
  const found: unknown = name === undefined ? undefined : (name as { readonly CN?: unknown }).CN;
  const first: unknown = Array.isArray(found) ? found[0] : found;
  return typeof first === "string" ? first : "";
}
