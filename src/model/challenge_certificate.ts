import type { DnsName } from "./dns_name.ts";

/** A self-signed certificate that answers a challenge. */
export interface ChallengeCertificate {
  /** The name that it answers for. */
  readonly name: DnsName;
  /** Certificate and key, canonical PEM. The key is thrown away with the challenge. */
  readonly pem: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
}

/** One for tls-sni-01: it is asked for, and is valid, only under a name that nobody owns. */
export interface SniChallengeCertificate extends ChallengeCertificate {
  /** 32 and 32 hexadecimal digits, and `.acme.invalid`: its only SAN. */
  readonly serverName: DnsName;
}
