import type { GeneralNames } from "pkijs";
import type { DnsName } from "../model/dns_name.ts";
import { KEY_TYPES } from "../model/key_type.ts";
import type { KeyPair } from "./keys.ts";

const OID = {
  commonName: "2.5.4.3",
  subjectAltName: "2.5.29.17",
  extensionRequest: "1.2.840.113549.1.9.14", // RFC 2985 §5.4.2
};

/** RFC 5280 §A.1, ub-common-name. */
const LONGEST_COMMON_NAME = 64;

/**
 * Makes a certificate request (PKCS#10, RFC 2986) in DER: all names in the SAN in the given order, the first one also as CN
 * where it fits, else an empty subject.
 */
export async function createCsr(
  names: readonly [DnsName, ...DnsName[]],
  key: KeyPair,
): Promise<Uint8Array<ArrayBuffer>> {
  // Loaded with the first request: most starts of the program need none.
  const [pkijs, asn1js] = await Promise.all([import("pkijs"), import("asn1js")]);
  const csr = new pkijs.CertificationRequest();
  const [first] = names;
  if (first.length <= LONGEST_COMMON_NAME) {
    const value = new asn1js.Utf8String({ value: first });
    csr.subject.typesAndValues.push(new pkijs.AttributeTypeAndValue({ type: OID.commonName, value }));
  }
  await csr.subjectPublicKeyInfo.importKey(key.publicKey);
  const san: GeneralNames = new pkijs.GeneralNames({
    names: names.map((value) => new pkijs.GeneralName({ type: 2, value })), // [2] dNSName
  });
  const extension = new pkijs.Extension({ extnID: OID.subjectAltName, extnValue: san.toSchema().toBER() });
  const extensions = new pkijs.Extensions({ extensions: [extension] });
  csr.attributes = [new pkijs.Attribute({ type: OID.extensionRequest, values: [extensions.toSchema()] })];
  await csr.sign(key.privateKey, KEY_TYPES[key.type].hash);
  return new Uint8Array(csr.toSchema().toBER());
}
