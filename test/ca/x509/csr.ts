import { fromBER, type Sequence } from "asn1js";
import { CertificationRequest, Extensions, GeneralNames } from "pkijs";

/** What a certificate request (PKCS#10, RFC 2986) asks for. */
export interface CsrFacts {
  readonly commonNames: readonly string[];
  /** dNSNames of the SAN as they are written. */
  readonly dnsNames: readonly string[];
  /** The SAN has names of other kinds. */
  readonly hasOtherNames: boolean;
  /** The TLS feature extension, "must-staple" (RFC 7633). */
  readonly mustStaple: boolean;
  /** OID. */
  readonly signatureAlgorithm: string;
  readonly signatureIsGood: boolean;
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Uint8Array<ArrayBuffer>;
}

const OID = {
  commonName: "2.5.4.3",
  subjectAltName: "2.5.29.17",
  extensionRequest: "1.2.840.113549.1.9.14", // RFC 2985 §5.4.2
  tlsFeature: "1.3.6.1.5.5.7.1.24", // RFC 7633
};
const DNS_NAME = 2;

/**
 * Reads a request.
 *
 * @throws {Error} If it is none, or has bytes after it.
 */
export async function readCsr(der: Uint8Array<ArrayBuffer>): Promise<CsrFacts> {
  const { offset, result } = fromBER(der);
  if (offset !== der.length) throw new SyntaxError("Cannot read CSR: it is not one whole element of DER");
  const csr = new CertificationRequest({ schema: result });
  const extensions = (csr.attributes ?? []).filter(({ type }) => type === OID.extensionRequest)
    .flatMap(({ values }) => new Extensions({ schema: (values as Sequence[])[0] }).extensions);
  const names = extensions.filter(({ extnID }) => extnID === OID.subjectAltName)
    .flatMap(({ extnValue }) => GeneralNames.fromBER(new Uint8Array(extnValue.valueBlock.valueHexView)).names);
  return {
    commonNames: csr.subject.typesAndValues.filter(({ type }) => type === OID.commonName)
      .map(({ value }) => String(value.valueBlock.value)),
    dnsNames: names.filter(({ type }) => type === DNS_NAME).map(({ value }) => String(value)),
    hasOtherNames: names.some(({ type }) => type !== DNS_NAME),
    mustStaple: extensions.some(({ extnID }) => extnID === OID.tlsFeature),
    signatureAlgorithm: csr.signatureAlgorithm.algorithmId,
    signatureIsGood: await csr.verify().catch(() => false),
    spki: new Uint8Array(csr.subjectPublicKeyInfo.toSchema().toBER()),
  };
}
