import type { DnsName } from "./dns_name.ts";
import { InputError } from "./errors.ts";

/** What is read off a leaf certificate (RFC 5280). */
export interface CertificateFacts {
  /** CN of the subject; empty where there is none. */
  readonly subject: string;
  /** Common name of the issuer; empty where it has none. */
  readonly issuer: string;
  /** All dNSNames of the SAN; where it has none, the CN if that is a domain name. */
  readonly names: readonly DnsName[];
  /** Lower-case hexadecimal, as `openssl x509 -serial` writes it but in small letters. */
  readonly serial: string;
  /** Start of validity. */
  readonly notBefore: Date;
  /** End of validity. */
  readonly notAfter: Date;
  /** SHA-256 over the DER, lower-case hexadecimal. */
  readonly fingerprint: string;
  /**
   * Its name in renewal information (RFC 9773 §4.1); absent where the certificate has no authority key identifier, and in
   * records from before there was renewal information.
   */
  readonly certId?: string;
}

/** Leaf, intermediates and private key: what a balancer serves. */
export interface Bundle {
  /** Facts of the leaf. */
  readonly facts: CertificateFacts;
  /** PEM blocks, leaf first, each signed by the next; LF, one final newline each. */
  readonly certificates: readonly [string, ...string[]];
  /** PKCS#8 PEM with one final newline. Secret. */
  readonly keyPem: string;
}

/**
 * Leaf, intermediates, key as one canonical PEM text. Without a blank line: that would end a runtime payload (HAProxy
 * management guide, 9.3). Secret.
 */
export function bundlePem(bundle: Bundle): string {
  return bundle.certificates.join("") + bundle.keyPem;
}

/** Which part of the chain the secret `_CERTIFICATE` holds; the bundle always has all of it. */
export type CertType = "fullchain" | "chain" | "cert";

const PARTS: Readonly<Record<CertType, (certificates: readonly string[]) => readonly string[]>> = {
  fullchain: (all) => all,
  chain: (all) => all.slice(1),
  cert: (all) => all.slice(0, 1),
};

/** Reads a `--cert-type`, or refuses it with the list of those that exist. */
export function parseCertType(input: string, field = "cert_type"): CertType {
  if (!Object.hasOwn(PARTS, input)) {
    const shown = JSON.stringify(input.slice(0, 40));
    throw new InputError(field, `Cert Type isn't an option: ${shown}`, "use fullchain, chain or cert");
  }
  return input as CertType;
}

/** The content of `_CERTIFICATE`. */
export function certificatePem(bundle: Pick<Bundle, "certificates">, type: CertType): string {
  return PARTS[type](bundle.certificates).join("");
}
