import { createHash } from "node:crypto";
import { ascii } from "../tls/bytes.ts";
import { visit } from "../tls/visit.ts";
import { Problem } from "../problem.ts";
import { element, onlyElement } from "../x509/der.ts";
import {
  type CertificateFields,
  dnsNames,
  isSelfSigned,
  readCertificate,
  shownNames,
} from "../x509/read_certificate.ts";
import { firstReachable, type Look } from "./look.ts";

const ACME_TLS = "acme-tls/1";
const OID = { acmeIdentifier: "1.3.6.1.5.5.7.1.31", subjectAltName: "2.5.29.17" };
const TAG = { octetString: 0x04, sequence: 0x30, dnsName: 0x82 };

/** RFC 8737 §3, as strictly as Boulder. */
export async function tlsAlpn01(look: Look): Promise<void> {
  const { name, tlsPort: port } = look;
  const { found: flight, at } = await firstReachable(
    look,
    port,
    (address) => visit({ address, port, serverName: name, alpn: ACME_TLS }, look.signal),
  );
  if (flight.alpn !== ACME_TLS) {
    throw new Problem("unauthorized", `Cannot negotiate ALPN protocol "${ACME_TLS}" for tls-alpn-01 challenge`);
  }
  const [leaf] = flight.certificates;
  if (leaf === undefined) throw new Problem("unauthorized", "No certs presented for tls-alpn-01 challenge");
  const fault = alpnFault(leaf, name, look.keyAuthorization);
  if (fault === undefined) return;
  const text = `Incorrect validation certificate for tls-alpn-01 challenge. Requested ${name} from ${at}. ${fault}`;
  throw new Problem("unauthorized", text);
}

/** Says what is wrong with a challenge certificate, in Boulder's words; undefined where nothing is. */
export function alpnFault(der: Uint8Array, name: string, keyAuthorization: string): string | undefined {
  const certificate = readCertificate(der);
  if (!isSelfSigned(certificate)) return "Received certificate which is not self-signed.";
  const extensionFault = extensionsFault(certificate);
  if (extensionFault !== undefined) {
    return `Received certificate with unexpected extensions: "${extensionFault}"`;
  }
  const nameFault = sanFault(certificate, name);
  if (nameFault !== undefined) {
    return `Received certificate with unexpected identifiers ("${shownNames(certificate)}"): "${nameFault}"`;
  }
  return identifierFault(certificate, createHash("sha256").update(keyAuthorization).digest("hex"));
}

/** No extension twice, and both that are needed; others may be there (RFC 8737 §3). */
function extensionsFault({ extensions }: CertificateFields): string | undefined {
  const oids = extensions.map(({ oid }) => oid);
  const twice = oids.find((oid, at) => oids.indexOf(oid) !== at);
  if (twice !== undefined) return `Extension OID ${twice} seen twice`;
  const missing = Object.values(OID).find((oid) => !oids.includes(oid));
  return missing === undefined ? undefined : `Required extension OID ${missing} is not present`;
}

function sanFault(certificate: CertificateFields, name: string): string | undefined {
  const [first, ...more] = dnsNames(certificate);
  if (first === undefined || more.length > 0) return "wrong number of identifiers";
  if (first.toLowerCase() !== name) return "identifier does not match expected identifier";
  const expected = element(TAG.sequence, element(TAG.dnsName, ascii(name))).toHex();
  const actual = certificate.extensions.find(({ oid }) => oid === OID.subjectAltName)?.value.toHex();
  return actual === expected ? undefined : "SAN extension does not match expected bytes";
}

function identifierFault({ extensions }: CertificateFields, expected: string): string | undefined {
  const extension = extensions.find(({ oid }) => oid === OID.acmeIdentifier);
  if (extension?.critical !== true) return "Received certificate with acmeValidationV1 extension that is not Critical.";
  const digest = octets(extension.value);
  if (digest?.length !== 32) return "Received certificate with malformed acmeValidationV1 extension value.";
  const actual = digest.toHex();
  if (actual === expected) return undefined;
  return `Received certificate with acmeValidationV1 extension value ${actual} but expected ${expected}.`;
}

function octets(value: Uint8Array): Uint8Array | undefined {
  try {
    const { tag, content } = onlyElement(value);
    return tag === TAG.octetString ? content : undefined;
  } catch {
    return undefined;
  }
}
