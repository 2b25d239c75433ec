/**
 * A validator of tls-alpn-01 certificates (RFC 8737 §3) that is as strict as Let's Encrypt's: the SAN byte for byte, the
 * self-signature, no extension twice, nothing after the digest. It has its own reading of DER and shares no code with what
 * it judges.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";

interface Node {
  readonly tag: number;
  readonly body: Uint8Array;
  readonly all: Uint8Array;
}

const SAN = "551d11"; // 2.5.29.17
const ACME_IDENTIFIER = "2b0601050507011f"; // 1.3.6.1.5.5.7.1.31

/** Finds everything that is wrong with a challenge certificate; empty if nothing is. */
export async function alpnFaults(der: Uint8Array, name: string, keyAuthorization: string): Promise<readonly string[]> {
  const [certificate, ...after] = nodes(der);
  const [tbs] = nodes(certificate!.body);
  const fields = nodes(tbs!.body);
  // version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, extensions
  const [version, , , issuer, , subject] = fields;
  const extensions = fields.filter((it) => it.tag === 0xa3).flatMap((it) => nodes(it.body)).flatMap((it) =>
    nodes(it.body)
  )
    .map(extension);
  const oids = extensions.map((it) => it.oid);
  return [
    ...after.map(() => "bytes after the certificate"),
    ...when(version?.tag !== 0xa0 || version.body.at(-1) !== 2, "not version 3"),
    ...when(hex(issuer!.all) !== hex(subject!.all), "subject is not issuer"),
    ...when(!selfSigned(der), "signature is not its own key's"),
    ...when(new Set(oids).size !== oids.length, "an extension twice"),
    ...sanFaults(extensions.find((it) => it.oid === SAN), name),
    ...await digestFaults(extensions.find((it) => it.oid === ACME_IDENTIFIER), keyAuthorization),
  ];
}

function sanFaults(found: Extension | undefined, name: string): readonly string[] {
  if (found === undefined) return ["no SAN"];
  const ascii = new TextEncoder().encode(name);
  const wanted = element(0x30, element(0x82, ascii));
  return when(hex(found.value) !== hex(wanted), "SAN is not exactly the name");
}

async function digestFaults(found: Extension | undefined, keyAuthorization: string): Promise<readonly string[]> {
  if (found === undefined) return ["no acmeIdentifier"];
  const [octets, ...after] = nodes(found.value);
  const wanted = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(keyAuthorization)));
  return [
    ...when(!found.critical, "acmeIdentifier is not critical"),
    ...when(after.length > 0, "bytes after the digest"),
    ...when(octets?.tag !== 4, "digest is not an OCTET STRING"),
    ...when(octets?.body.length !== 32, "digest is not 32 bytes"),
    ...when(hex(octets?.body ?? new Uint8Array()) !== hex(wanted), "digest is another"),
  ];
}

interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

function extension(node: Node): Extension {
  const parts = nodes(node.body);
  return {
    oid: hex(parts[0]!.body),
    critical: parts.length === 3 && hex(parts[1]!.all) === "0101ff",
    value: parts.at(-1)!.body,
  };
}

function nodes(bytes: Uint8Array): readonly Node[] {
  const found: Node[] = [];
  for (let at = 0; at < bytes.length;) {
    const short = bytes[at + 1]!;
    const more = short < 0x80 ? 0 : short - 0x80;
    const length = more === 0 ? short : parseInt(hex(bytes.subarray(at + 2, at + 2 + more)), 16);
    const from = at + 2 + more;
    if (!(from + length <= bytes.length)) throw new Error("DER is cut off");
    found.push({ tag: bytes[at]!, body: bytes.subarray(from, from + length), all: bytes.subarray(at, from + length) });
    at = from + length;
  }
  return found;
}

/** A tag, a length below 65536 in its shortest form, and the body. */
function element(tag: number, body: Uint8Array): Uint8Array {
  const { length } = body;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Uint8Array.of(tag, ...size, ...body);
}

function selfSigned(der: Uint8Array): boolean {
  const certificate = new X509Certificate(der);
  return certificate.verify(certificate.publicKey);
}

function when(fault: boolean, text: string): readonly string[] {
  return fault ? [text] : [];
}

function hex(bytes: Uint8Array): string {
  return bytes.toHex();
}
