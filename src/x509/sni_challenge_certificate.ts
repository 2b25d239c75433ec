import defer * as nodeCrypto from "node:crypto";
import type { SniChallengeCertificate } from "../model/challenge_certificate.ts";
import type { DnsName } from "../model/dns_name.ts";
import { CHALLENGE_CERTIFICATE, selfSigned } from "./self_signed.ts";

/**
 * The name that a CA asks for in a tls-sni-01 challenge (draft-ietf-acme-acme-01, "TLS with Server Name Indication"): the
 * SHA-256 of the key authorization in lower-case hexadecimal, cut in half, below `acme.invalid`. The draft knows a chain of n
 * such names; CAs used n = 1.
 */
export function sniChallengeName(keyAuthorization: string): DnsName {
  const z = nodeCrypto.createHash("sha256").update(keyAuthorization).digest("hex");
  return `${z.slice(0, 32)}.${z.slice(32)}.acme.invalid` as DnsName;
}

/**
 * Makes the self-signed certificate that answers a tls-sni-01 challenge: its SAN is exactly {@linkcode sniChallengeName}.
 *
 * @param name The name that is proven; it does not stand in the certificate.
 * @param now Valid from an hour before to a week after it.
 */
export async function sniChallengeCertificate(
  name: DnsName,
  keyAuthorization: string,
  now: Date,
): Promise<SniChallengeCertificate> {
  const serverName = sniChallengeName(keyAuthorization);
  return { name, serverName, ...await selfSigned(serverName, now, CHALLENGE_CERTIFICATE) };
}
