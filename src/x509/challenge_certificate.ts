import defer * as nodeCrypto from "node:crypto";
import type { DnsName } from "../model/dns_name.ts";
import type { ChallengeCertificate } from "../model/challenge_certificate.ts";
import { CHALLENGE_CERTIFICATE, selfSigned } from "./self_signed.ts";

/** id-pe-acmeIdentifier (RFC 8737 §6.1). */
const ACME_IDENTIFIER = "1.3.6.1.5.5.7.1.31";

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
  const digest = nodeCrypto.createHash("sha256").update(keyAuthorization).digest();
  const made = await selfSigned(name, now, {
    ...CHALLENGE_CERTIFICATE,
    extensions: ({ Extension }) => [
      new Extension(ACME_IDENTIFIER, true, Uint8Array.of(0x04, digest.length, ...digest)),
    ],
  });
  return { name, ...made };
}
