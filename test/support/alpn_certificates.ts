import { createHash } from "node:crypto";
import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  Extension,
  type JsonGeneralName,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { certificateKeys } from "./csr_by_hand.ts";

/** What a challenge certificate of tls-alpn-01 differs in. */
export interface OddAlpn {
  readonly san?: readonly JsonGeneralName[] | Uint8Array<ArrayBuffer>;
  readonly oid?: string;
  readonly critical?: boolean;
  /** In place of the OCTET STRING of the digest. */
  readonly value?: (digest: Uint8Array) => Uint8Array;
  /** Once more. */
  readonly twice?: "san" | "acmeIdentifier";
  readonly issuer?: string;
  /** Signed by another key than its own. */
  readonly foreign?: boolean;
  /** One more extension, which RFC 8737 allows. */
  readonly extra?: boolean;
}

const EC = { name: "ECDSA", hash: "SHA-256" };

/** Makes one, right but for what is told. */
export async function alpnCertificate(name: string, keyAuthorization: string, odd: OddAlpn = {}): Promise<Uint8Array> {
  const [keys, others] = [await certificateKeys(), await certificateKeys()];
  const digest = new Uint8Array(createHash("sha256").update(keyAuthorization).digest());
  const {
    san: names = [{ type: "dns", value: name }],
    value = (it: Uint8Array) => Uint8Array.of(4, it.length, ...it),
  } = odd;
  const san = names instanceof Uint8Array
    ? new Extension("2.5.29.17", false, names)
    : new SubjectAlternativeNameExtension([...names]);
  const identifier = new Extension(
    odd.oid ?? "1.3.6.1.5.5.7.1.31",
    odd.critical ?? true,
    new Uint8Array(value(digest)),
  );
  const certificate = await X509CertificateGenerator.create({
    serialNumber: "01",
    subject: "O=challenge",
    issuer: odd.issuer ?? "O=challenge",
    notBefore: new Date("2026-11-01"),
    notAfter: new Date("2026-12-01"),
    signingAlgorithm: EC,
    publicKey: keys.publicKey,
    signingKey: odd.foreign === true ? others.privateKey : keys.privateKey,
    extensions: [
      san,
      identifier,
      ...(odd.twice === "san" ? [san] : []),
      ...(odd.twice === "acmeIdentifier" ? [identifier] : []),
      ...(odd.extra === true ? [await AuthorityKeyIdentifierExtension.create(keys.publicKey)] : []),
    ],
  });
  return new Uint8Array(certificate.rawData);
}
