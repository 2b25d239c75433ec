import "reflect-metadata"; // before @peculiar/x509
import { assertEquals, assertThrows } from "@std/assert";
import { Extension } from "@peculiar/x509";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import {
  certificateFacts,
  holdsKey,
  isSelfSigned,
  isSignedBy,
  readCertificate,
} from "../../../src/x509/certificate.ts";
import { generateKey } from "../../../src/x509/keys.ts";
import { readLink } from "../../../src/x509/link.ts";
import { inDays, testAuthority, testCertificate, testKeys } from "../../support/test_chain.ts";

const ROOT = await testAuthority("Root R1");
const KEYS = await testKeys();

Deno.test("certificateFacts() reads subject, issuer, names, dates, serial and fingerprint", async () => {
  const { der } = await testCertificate(ROOT, KEYS.publicKey, { names: ["b.example.com", "*.a.example.com"] });
  assertEquals(certificateFacts(der), {
    subject: "b.example.com",
    issuer: "Root R1",
    names: parseDnsNames(["b.example.com", "*.a.example.com"]),
    serial: "0a01",
    notBefore: inDays(-1),
    notAfter: inDays(89),
    fingerprint: new Uint8Array(await crypto.subtle.digest("SHA-256", der)).toHex(),
  });
});

for (
  const [subject, expected] of [
    ["", ""],
    ["O=Example, C=FI", ""],
    ["C=FI, O=A\\, B, CN=Büro", "Büro"],
    ["CN=first.example, CN=second.example", "first.example"],
  ] as const
) {
  Deno.test(`certificateFacts() reads the common name of ${JSON.stringify(subject)}`, async () => {
    const { der } = await testCertificate(ROOT, KEYS.publicKey, { subject });
    assertEquals(certificateFacts(der).subject, expected);
  });
}

Deno.test("certificateFacts() names an issuer without a common name by all it has", async () => {
  const root = await testAuthority("", undefined, { subject: "C=FI, O=Old Root" });
  assertEquals(certificateFacts(root.der).issuer, "C=FI, O=Old Root");
});

for (
  const [serial, expected] of [
    ["01", "01"],
    ["7f", "7f"],
    ["00ffaabb", "ffaabb"],
    ["0087654321", "87654321"],
    ["0fedcba987654321000102030405060708090a0b", "0fedcba987654321000102030405060708090a0b"],
  ] as const
) {
  Deno.test(`certificateFacts() writes the serial ${serial} as openssl does`, async () => {
    const { der } = await testCertificate(ROOT, KEYS.publicKey, { serial });
    assertEquals(certificateFacts(der).serial, expected);
  });
}

Deno.test("certificateFacts() reads dates of both ASN.1 forms", async () => {
  const notAfter = new Date("2061-12-31T23:59:59Z"); // GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5)
  const { der } = await testCertificate(ROOT, KEYS.publicKey, { notAfter });
  assertEquals(certificateFacts(der).notAfter, notAfter);
});

Deno.test("readCertificate() takes one name that looks like two for what it is, and other kinds of names for none", async () => {
  const { der } = await testCertificate(ROOT, KEYS.publicKey, {
    san: [
      { type: "dns", value: "a.example, DNS:evil.example" },
      { type: "dns", value: "UPPER.example" },
      { type: "ip", value: "192.0.2.1" },
      { type: "email", value: "DNS:b.example" },
      { type: "dns", value: "localhost" },
    ],
  });
  const { dnsNames, facts } = readCertificate(der);
  assertEquals(dnsNames, ["a.example, dns:evil.example", "upper.example", "localhost"]);
  assertEquals(facts.names, parseDnsNames(["upper.example"]));
});

const { der: LEAF } = await testCertificate(ROOT, KEYS.publicKey, { names: ["a.example"] });
const { der: BAD_SAN } = await testCertificate(ROOT, KEYS.publicKey, {
  extensions: [new Extension("2.5.29.17", false, Uint8Array.of(0x30, 0x05, 0x82, 0x01, 0x61))],
});

for (
  const [why, der, message] of [
    ["nothing", new Uint8Array(), "cut off"],
    ["garbage", new Uint8Array(40).fill(0x30), "cut off"],
    ["a cut off certificate", LEAF.slice(0, -1), "cut off"],
    ["bytes after the certificate", Uint8Array.of(...LEAF, 0), "bytes after the end"],
    ["BER of indefinite length", Uint8Array.of(0x30, 0x80, 0, 0), "impossible length"],
    ["an empty sequence", Uint8Array.of(0x30, 0), "not an X.509 certificate"],
    ["a cut off SAN", BAD_SAN, "cut off"],
  ] as const
) {
  Deno.test(`readCertificate() refuses ${why}`, () => {
    assertThrows(() => readCertificate(der), SyntaxError, message);
  });
}

Deno.test("isSignedBy() wants the issuer's name and the issuer's signature", async () => {
  const sameName = await testAuthority("Root R1");
  const sameKey = await testCertificate({ subject: "CN=Other", keys: ROOT.keys }, ROOT.keys.publicKey, {
    subject: "CN=Other",
    ca: true,
  });
  const [leaf, root] = [readCertificate(LEAF), readCertificate(ROOT.der)];
  assertEquals(isSignedBy(leaf, root), true);
  assertEquals(isSignedBy(leaf, readCertificate(sameName.der)), false);
  assertEquals(isSignedBy(leaf, readCertificate(sameKey.der)), false);
  assertEquals(isSignedBy(root, leaf), false);
  assertEquals([isSelfSigned(root), isSelfSigned(leaf)], [true, false]);
});

const PSS = { name: "RSA-PSS", modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };

for (
  const [why, generate, signing, digest] of [
    ["on P-521", { name: "ECDSA", namedCurve: "P-521" }, { name: "ECDSA", hash: "SHA-512" }, "SHA-512"],
    ["by RSASSA-PSS", { ...PSS, hash: "SHA-256" }, { name: "RSA-PSS", saltLength: 32 }, "SHA-256"],
    ["by RSASSA-PSS with its first digest", { ...PSS, hash: "SHA-1" }, { name: "RSA-PSS", saltLength: 20 }, "SHA-1"],
  ] as const
) {
  Deno.test(`isSignedBy() goes by the name alone for signatures ${why}, which the runtime cannot verify`, async () => {
    const keys = await crypto.subtle.generateKey(generate, true, ["sign", "verify"]);
    const issuer = { subject: "CN=Unusual", keys };
    const root = await testCertificate(issuer, keys.publicKey, { subject: issuer.subject, ca: true, signing });
    const leaf = await testCertificate(issuer, KEYS.publicKey, { names: ["a.example"], signing });
    const [signed, signer] = [readCertificate(leaf.der), readCertificate(root.der)];
    assertEquals([isSignedBy(signed, signer), isSignedBy(signed, readCertificate(ROOT.der))], [true, false]);
    assertEquals(readLink(signed).digest, digest);
  });
}

Deno.test("holdsKey() tells the key of a certificate from others of any kind", async () => {
  const [own, other, rsa] = await Promise.all([generateKey("ec-256"), generateKey("ec-256"), generateKey("rsa-2048")]);
  const { der } = await testCertificate(ROOT, own.publicKey, { names: ["a.example"] });
  assertEquals([own, other, rsa].map((key) => holdsKey(readCertificate(der), key)), [true, false, false]);
});
