import "reflect-metadata"; // before @peculiar/x509
import { assertEquals, assertMatch } from "@std/assert";
import { BasicConstraintsExtension, Extension, SubjectAlternativeNameExtension } from "@peculiar/x509";
import { X509Certificate } from "node:crypto";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { alpnChallengeCertificate } from "../../../src/x509/challenge_certificate.ts";
import { importKey } from "../../../src/x509/keys.ts";
import { readPem, writePem } from "../../../src/x509/pem.ts";
import { alpnFaults } from "../../support/strict_alpn_validator.ts";
import { NOW, testCertificate, type TestCertOptions, testKeys } from "../../support/test_chain.ts";

const KEY_AUTHORIZATION = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI";
const NAME = "www.example.com";
const LONGEST = parseDnsName([..."abc"].map((letter) => letter.repeat(63)).join(".") + `.${"d".repeat(61)}`);

for (const name of [parseDnsName(NAME), parseDnsName("bücher.example"), LONGEST]) {
  Deno.test(`alpnChallengeCertificate() for ${name.slice(0, 30)} has no fault in the strict validator's eyes`, async () => {
    const { pem } = await alpnChallengeCertificate(name, KEY_AUTHORIZATION, NOW);
    assertEquals(await alpnFaults(readPem(pem)[0]!.der, name, KEY_AUTHORIZATION), []);
  });
}

Deno.test("alpnChallengeCertificate() gives certificate and key as canonical PEM, and the fingerprint", async () => {
  const made = await alpnChallengeCertificate(parseDnsName(NAME), KEY_AUTHORIZATION, NOW);
  const blocks = readPem(made.pem);
  assertEquals(blocks.map((block) => block.label), ["CERTIFICATE", "PRIVATE KEY"]);
  assertEquals(blocks.map((block) => writePem(block.label, block.der)).join(""), made.pem);
  const x509 = new X509Certificate(blocks[0]!.der);
  const key = await importKey(writePem("PRIVATE KEY", blocks[1]!.der));
  assertEquals(key.type, "ec-256");
  assertEquals(x509.publicKey.export({ type: "spki", format: "der" }).toString("hex"), await spki(key.publicKey));
  assertEquals(made.fingerprint, x509.fingerprint256.replaceAll(":", "").toLowerCase());
  assertEquals(made.name, parseDnsName(NAME));
});

Deno.test("alpnChallengeCertificate() is valid from an hour before to a week after now", async () => {
  const x509 = new X509Certificate((await alpnChallengeCertificate(parseDnsName(NAME), KEY_AUTHORIZATION, NOW)).pem);
  assertEquals(new Date(x509.validFrom).toISOString(), "2026-11-23T11:00:00.000Z");
  assertEquals(new Date(x509.validTo).toISOString(), "2026-11-30T12:00:00.000Z");
});

Deno.test("alpnChallengeCertificate() has a new positive serial and a new key each time", async () => {
  const made = await Promise.all(
    Array.from({ length: 20 }, () => alpnChallengeCertificate(parseDnsName(NAME), KEY_AUTHORIZATION, NOW)),
  );
  const read = made.map((it) => new X509Certificate(it.pem));
  for (const { serialNumber } of read) assertMatch(serialNumber, /^[4-7][0-9A-F]{31}$/);
  assertEquals(new Set(read.map((it) => it.serialNumber)).size, 20);
  assertEquals(new Set(made.map((it) => readPem(it.pem)[1]!.der.toHex())).size, 20);
});

const OID = "1.3.6.1.5.5.7.1.31";
const DIGEST = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(KEY_AUTHORIZATION)));
const GOOD = new Extension(OID, true, Uint8Array.of(4, 32, ...DIGEST));

for (
  const [why, options, faults] of [
    ["nothing wrong", {}, []],
    ["two SANs", { names: [NAME, "example.com"] }, ["SAN is not exactly the name"]],
    ["an address beside the name", { san: [{ type: "dns", value: NAME }, { type: "ip", value: "192.0.2.1" }] }, [
      "SAN is not exactly the name",
    ]],
    ["another name", { names: ["example.com"] }, ["SAN is not exactly the name"]],
    ["an upper-case name", { names: ["WWW.example.com"] }, ["SAN is not exactly the name"]],
    ["no SAN", { san: [] }, ["no SAN"]],
    ["a wrong OID", { extensions: [new Extension(`${OID}.1`, true, GOOD.value)] }, ["no acmeIdentifier"]],
    ["an extension that is not critical", { extensions: [new Extension(OID, false, GOOD.value)] }, [
      "acmeIdentifier is not critical",
    ]],
    ["a digest of 31 bytes", { extensions: [new Extension(OID, true, Uint8Array.of(4, 31, ...DIGEST.slice(1)))] }, [
      "digest is not 32 bytes",
      "digest is another",
    ]],
    ["bytes after the digest", { extensions: [new Extension(OID, true, Uint8Array.of(4, 32, ...DIGEST, 5, 0))] }, [
      "bytes after the digest",
    ]],
    ["another digest", { extensions: [new Extension(OID, true, Uint8Array.of(4, 32, ...DIGEST.toReversed()))] }, [
      "digest is another",
    ]],
    ["an extension twice", { extensions: [GOOD, new BasicConstraintsExtension(false, undefined, true)] }, [
      "an extension twice",
    ]],
    ["the SAN twice", { extensions: [new SubjectAlternativeNameExtension([{ type: "dns", value: NAME }]), GOOD] }, [
      "an extension twice",
    ]],
    ["another subject", { subject: "O=Another" }, ["subject is not issuer"]],
  ] satisfies readonly (readonly [string, TestCertOptions, readonly string[]])[]
) {
  Deno.test(`alpnFaults() finds ${why}`, async () => {
    const keys = await testKeys();
    const { der } = await testCertificate({ subject: "O=ACME challenge", keys }, keys.publicKey, {
      subject: "O=ACME challenge",
      names: [NAME],
      extensions: [GOOD],
      ...options as TestCertOptions,
    });
    assertEquals(await alpnFaults(der, NAME, KEY_AUTHORIZATION), faults as readonly string[]);
  });
}

Deno.test("alpnFaults() finds a certificate that another key signed", async () => {
  const issuer = { subject: "O=ACME challenge", keys: await testKeys() };
  const { der } = await testCertificate(issuer, (await testKeys()).publicKey, {
    subject: issuer.subject,
    names: [NAME],
    extensions: [GOOD],
  });
  assertEquals(await alpnFaults(der, NAME, KEY_AUTHORIZATION), ["signature is not its own key's"]);
});

Deno.test("alpnChallengeCertificate() loads its library only when it is called", async () => {
  const code = `
    await import(${JSON.stringify(import.meta.resolve("../../../src/x509/challenge_certificate.ts"))});
    await import(${JSON.stringify(import.meta.resolve("../../../src/x509/csr.ts"))});
    console.log(typeof Reflect.getMetadata);`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--config", new URL(import.meta.resolve("../../../deno.json")).pathname, code],
  }).output();
  assertEquals(new TextDecoder().decode(stdout).trim(), "undefined");
});

async function spki(key: CryptoKey): Promise<string> {
  return new Uint8Array(await crypto.subtle.exportKey("spki", key)).toHex();
}
