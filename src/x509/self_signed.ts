import type { Extension } from "@peculiar/x509";
import defer * as nodeCrypto from "node:crypto";
import type { DnsName } from "../model/dns_name.ts";
import { generateKey } from "./keys.ts";
import { writePem } from "./pem.ts";

const HOUR_MS = 3_600_000;

/** What `@peculiar/x509` exports. */
export type X509 = typeof import("@peculiar/x509");

/** What a self-signed certificate has beside its name. */
export interface SelfSignedOptions {
  /** Subject and issuer. Not a CN: HAProxy would take that for one more name to answer. */
  readonly subject: string;
  /** How many days after `now` it ends. */
  readonly days: number;
  /** What it has beside the SAN. */
  readonly extensions?: (x509: X509) => readonly Extension[];
}

/** A certificate that answers a challenge lives for a week. */
export const CHALLENGE_CERTIFICATE: SelfSignedOptions = { subject: "O=ACME challenge", days: 7 };

/**
 * Makes a self-signed certificate: X.509 v3, one dNSName, a key of its own (P-256), a positive serial.
 *
 * @param san Its only name.
 * @param now Valid from an hour before it.
 * @returns Certificate and key as canonical PEM, and the certificate's SHA-256.
 */
export async function selfSigned(
  san: DnsName,
  now: Date,
  { subject, days, extensions = () => [] }: SelfSignedOptions,
): Promise<{ readonly pem: string; readonly fingerprint: string }> {
  const x509 = await loadX509();
  const { pem: keyPem, ...keys } = await generateKey("ec-256");
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: subject,
    notBefore: new Date(now.getTime() - HOUR_MS),
    notAfter: new Date(now.getTime() + days * 24 * HOUR_MS),
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    keys,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: san }]), ...extensions(x509)],
  });
  const der = new Uint8Array(certificate.rawData);
  return {
    pem: writePem("CERTIFICATE", der) + keyPem,
    fingerprint: nodeCrypto.createHash("sha256").update(der).digest("hex"),
  };
}

/** The library wants its polyfill first, and costs more than the rest of a start; only challenges need it. */
async function loadX509(): Promise<X509> {
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}

/** 16 bytes, positive (RFC 5280 §4.1.2.2), without a leading zero. */
function randomSerial(): string {
  const [first = 0, ...rest] = crypto.getRandomValues(new Uint8Array(16));
  return Uint8Array.of((first & 0x7f) | 0x40, ...rest).toHex();
}
