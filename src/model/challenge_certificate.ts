import type { DnsName } from "./dns_name.ts";

/** A self-signed certificate that answers a challenge (RFC 8737 §3). */
export interface ChallengeCertificate {
  /** The name that it answers for. */
  readonly name: DnsName;
  /** Certificate and key, canonical PEM. The key is thrown away with the challenge. */
  readonly pem: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
}
