import type { LinkFacts, PublicKeyShape } from "../model/chain_facts.ts";
import type { Certificate } from "./certificate.ts";
import { derChildren, type DerElement, extensionValues, readDer, TAG } from "./der.ts";

/** Object identifiers below are the content of their DER, lower-case hexadecimal. */
const EXTENDED_KEY_USAGE = "551d25"; // 2.5.29.37
const EC = "2a8648ce3d0201"; // 1.2.840.10045.2.1
const CURVES: Readonly<Record<string, string>> = {
  "2a8648ce3d030101": "P-192",
  "2b81040021": "P-224",
  "2a8648ce3d030107": "P-256",
  "2b81040022": "P-384",
  "2b81040023": "P-521",
  "2b8104000a": "secp256k1",
};
const RSA: readonly string[] = ["2a864886f70d010101", "2a864886f70d01010a"]; // rsaEncryption, RSASSA-PSS
const OTHER_KEYS: Readonly<Record<string, string>> = {
  "2b6570": "Ed25519",
  "2b6571": "Ed448",
  "2a8648ce380401": "DSA",
};
/** Signature algorithms by the digest that they sign. */
const DIGESTS: Readonly<Record<string, string>> = {
  "2a864886f70d010102": "MD2",
  "2a864886f70d010103": "MD4",
  "2a864886f70d010104": "MD5",
  "2a864886f70d010105": "SHA-1",
  "2b0e03021d": "SHA-1", // of an early standard, still seen
  "2a8648ce380403": "SHA-1", // DSA
  "2a8648ce3d0401": "SHA-1", // ECDSA
  "2a864886f70d01010b": "SHA-256",
  "2a864886f70d01010c": "SHA-384",
  "2a864886f70d01010d": "SHA-512",
  "2a8648ce3d040302": "SHA-256",
  "2a8648ce3d040303": "SHA-384",
  "2a8648ce3d040304": "SHA-512",
};
const PSS = "2a864886f70d01010a";
const PSS_DIGESTS: Readonly<Record<string, string>> = {
  "2b0e03021a": "SHA-1",
  "608648016503040201": "SHA-256",
  "608648016503040202": "SHA-384",
  "608648016503040203": "SHA-512",
};
const USAGES: Readonly<Record<string, string>> = {
  "551d2500": "any",
  "2b06010505070301": "serverAuth",
  "2b06010505070302": "clientAuth",
  "2b06010505070303": "codeSigning",
  "2b06010505070304": "emailProtection",
  "2b06010505070308": "timeStamping",
  "2b06010505070309": "OCSPSigning",
};

/** Reads what is judged of a certificate in a chain. */
export function readLink({ der, facts, issuerName }: Certificate): LinkFacts {
  const { subject, notBefore, notAfter } = facts;
  const whole = readDer(der);
  return { subject, issuer: issuerName, notBefore, notAfter, key: keyShape(whole), digest: digest(whole) };
}

/** What a certificate may be used for (RFC 5280 §4.2.1.12): names, or identifiers in hexadecimal; undefined: everything. */
export function extendedUsages({ der }: Certificate): readonly string[] | undefined {
  const [value] = extensionValues(readDer(der), EXTENDED_KEY_USAGE);
  return value === undefined ? undefined : derChildren(readDer(value)).map((it) => USAGES[hex(it)] ?? hex(it));
}

/** SubjectPublicKeyInfo is the sixth part of a certificate, not counting the version (RFC 5280 §4.1). */
function keyShape(certificate: DerElement): PublicKeyShape {
  const [tbs] = derChildren(certificate);
  const parts = tbs === undefined ? [] : derChildren(tbs).filter((it) => it.tag !== TAG.version);
  const [algorithm, key] = parts[5] === undefined ? [] : derChildren(parts[5]);
  const [kind, parameter] = algorithm === undefined ? [] : derChildren(algorithm);
  const oid = hex(kind);
  if (oid === EC) return { family: "EC", curve: CURVES[hex(parameter)] ?? "another curve" };
  if (RSA.includes(oid) && key !== undefined) return { family: "RSA", bits: modulusBits(key) };
  return { family: "other", name: OTHER_KEYS[oid] ?? "of an unknown kind" };
}

/** RSAPublicKey ::= SEQUENCE { modulus, publicExponent } in a BIT STRING, whose first byte counts unused bits (RFC 8017 A.1.1). */
function modulusBits(key: DerElement): number {
  const [modulus] = derChildren(readDer(key.content.subarray(1)));
  const bytes = modulus?.content ?? new Uint8Array();
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24;
}

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature }. */
function digest(certificate: DerElement): string {
  const algorithm = derChildren(certificate)[1];
  const [kind, parameters] = algorithm === undefined ? [] : derChildren(algorithm);
  return hex(kind) === PSS ? pssDigest(parameters) : DIGESTS[hex(kind)] ?? "unknown";
}

/** RSASSA-PSS-params ::= SEQUENCE { hashAlgorithm [0] DEFAULT sha1, … } (RFC 4055 §3.1). */
function pssDigest(parameters: DerElement | undefined): string {
  const hash = parameters === undefined ? undefined : derChildren(parameters).find((it) => it.tag === 0xa0);
  if (hash === undefined) return "SHA-1";
  const [algorithm] = derChildren(hash);
  return PSS_DIGESTS[hex(algorithm === undefined ? undefined : derChildren(algorithm)[0])] ?? "unknown";
}

function hex(element: DerElement | undefined): string {
  return element?.content.toHex() ?? "";
}
