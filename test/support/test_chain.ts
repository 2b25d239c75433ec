/**
 * Certificates to test with, made by @peculiar/x509 and not by the code under test.
 *
 * @module
 */
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  type Extension,
  type JsonGeneralName,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** The instant at which the tests take place. */
export const NOW = new Date("2026-11-23T12:00:00Z");

/** A number of days from {@linkcode NOW}, backwards if negative. */
export function inDays(days: number): Date {
  return new Date(NOW.getTime() + days * 86_400_000);
}

/** Somebody who can sign. */
export interface TestIssuer {
  readonly subject: string;
  readonly keys: CryptoKeyPair;
  readonly pem: string;
  readonly der: Uint8Array<ArrayBuffer>;
}

/** What differs from an ordinary certificate. */
export interface TestCertOptions {
  readonly subject?: string;
  readonly names?: readonly string[];
  /** Instead of `names`: the GeneralNames of the SAN. */
  readonly san?: readonly JsonGeneralName[];
  readonly serial?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly ca?: boolean;
  readonly extensions?: readonly Extension[];
  /** How the issuer signs; default: ECDSA with SHA-256. */
  readonly signing?: EcdsaParams | RsaPssParams | RsaHashedImportParams;
  /** Of the one that is made by {@linkcode testAuthority}; default: a new P-256 pair. */
  readonly keys?: CryptoKeyPair;
}

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Generates a P-256 key pair. */
export async function testKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]) as CryptoKeyPair;
}

/** Makes a CA certificate: signed by `by`, or a root. */
export async function testAuthority(name: string, by?: TestIssuer, options: TestCertOptions = {}): Promise<TestIssuer> {
  const keys = options.keys ?? await testKeys();
  const subject = options.subject ?? `CN=${name}`;
  const made = await testCertificate(by ?? { subject, keys }, keys.publicKey, { subject, ca: true, ...options });
  return { subject, keys, ...made };
}

/** Makes a certificate for a public key. */
export async function testCertificate(
  issuer: Pick<TestIssuer, "subject" | "keys">,
  publicKey: CryptoKey,
  options: TestCertOptions = {},
): Promise<{ readonly pem: string; readonly der: Uint8Array<ArrayBuffer> }> {
  const san = options.san ?? (options.names ?? []).map((value) => ({ type: "dns" as const, value }));
  const certificate = await X509CertificateGenerator.create({
    subject: options.subject ?? (options.names === undefined ? "" : `CN=${options.names[0]}`),
    issuer: issuer.subject,
    serialNumber: options.serial ?? "0a01",
    notBefore: options.notBefore ?? inDays(-1),
    notAfter: options.notAfter ?? inDays(89),
    publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: options.signing ?? ECDSA,
    extensions: [
      new BasicConstraintsExtension(options.ca ?? false, undefined, true),
      ...(san.length === 0 ? [] : [new SubjectAlternativeNameExtension([...san])]),
      ...options.extensions ?? [],
    ],
  });
  return { pem: `${certificate.toString("pem")}\n`, der: new Uint8Array(certificate.rawData) };
}
