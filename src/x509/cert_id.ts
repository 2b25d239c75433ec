import { derChildren, type DerElement, extensionValues, readDer, TAG } from "./der.ts";

const AUTHORITY_KEY_IDENTIFIER = "551d23"; // 2.5.29.35

/**
 * The name of a certificate in renewal information: keyIdentifier of its authority key identifier and its serial number, both
 * as they stand in the DER (RFC 9773 §4.1).
 *
 * @param certificate The whole certificate.
 * @returns Two parts of base64url without padding; undefined where it has no key identifier, and so no such name.
 */
export function certIdOf(certificate: DerElement): string | undefined {
  const keyIdentifier = keyIdentifierOf(certificate);
  const serial = serialOf(certificate);
  if (keyIdentifier === undefined || serial === undefined) return undefined;
  return [keyIdentifier, serial].map((it) => it.toBase64({ alphabet: "base64url", omitPadding: true })).join(".");
}

/** AuthorityKeyIdentifier ::= SEQUENCE { keyIdentifier [0] OPTIONAL, … } (RFC 5280 §4.2.1.1). */
function keyIdentifierOf(certificate: DerElement): Uint8Array<ArrayBuffer> | undefined {
  const [value] = extensionValues(certificate, AUTHORITY_KEY_IDENTIFIER);
  if (value === undefined) return undefined;
  try {
    const found = derChildren(readDer(value)).find((it) => it.tag === TAG.keyIdentifier)?.content;
    return found === undefined || found.length === 0 ? undefined : found;
  } catch {
    return undefined; // a certificate that is odd here can be served all the same
  }
}

/** TBSCertificate ::= SEQUENCE { version [0] DEFAULT v1, serialNumber INTEGER, … } (RFC 5280 §4.1); a leading zero stays. */
function serialOf(certificate: DerElement): Uint8Array<ArrayBuffer> | undefined {
  const [tbs] = derChildren(certificate);
  return tbs === undefined ? undefined : derChildren(tbs).find((it) => it.tag === TAG.integer)?.content;
}
