import defer * as nodeCrypto from "node:crypto";
import type { DnsName } from "../model/dns_name.ts";
import type { ChallengeCertificate } from "../model/challenge_certificate.ts";
import { generateKey } from "./keys.ts";
import { writePem } from "./pem.ts";

/** id-pe-acmeIdentifier (RFC 8737 §6.1). */
const ACME_IDENTIFIER = "1.3.6.1.5.5.7.1.31";
/** Subject and issuer. Not a CN: HAProxy would take that for one more name to answer. */
const SUBJECT = "O=ACME challenge";
const HOUR_MS = 3_600_000;

/**
 * Makes the self-signed certificate that answers a tls-alpn-01 challenge (RFC 8737 §3): its SAN is the one name, and the
 * critical acmeIdentifier holds the SHA-256 of the key authorization as an OCTET STRING.
 *
 * @param now Valid from an hour before to a week after it.
 */
export async function alpnChallengeCertificate(
  name: DnsName,
  keyAuthorization: string,
  now: Date,
): Promise<ChallengeCertificate> {
  const { Extension, SubjectAlternativeNameExtension, X509CertificateGenerator } = await loadX509();
  const { pem: keyPem, ...keys } = await generateKey("ec-256");
  const digest = nodeCrypto.createHash("sha256").update(keyAuthorization).digest();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: SUBJECT,
    notBefore: new Date(now.getTime() - HOUR_MS),
    notAfter: new Date(now.getTime() + 7 * 24 * HOUR_MS),
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    keys,
    extensions: [
      new SubjectAlternativeNameExtension([{ type: "dns", value: name }]),
      new Extension(ACME_IDENTIFIER, true, Uint8Array.of(0x04, digest.length, ...digest)),
    ],
  });
  const der = new Uint8Array(certificate.rawData);
  return {
    name,
    pem: writePem("CERTIFICATE", der) + keyPem,
    fingerprint: nodeCrypto.createHash("sha256").update(der).digest("hex"),
  };
}

/** The library wants its polyfill first, and costs more than the rest of a start; only challenges need it. */
async function loadX509(): Promise<typeof import("@peculiar/x509")> {
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}

/** 16 bytes, positive (RFC 5280 §4.1.2.2), without a leading zero. */
function randomSerial(): string {
  const [first = 0, ...rest] = crypto.getRandomValues(new Uint8Array(16));
  return Uint8Array.of((first & 0x7f) | 0x40, ...rest).toHex();
}
