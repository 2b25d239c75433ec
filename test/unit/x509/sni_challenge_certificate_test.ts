import "reflect-metadata"; // before @peculiar/x509
import { assertEquals, assertMatch } from "@std/assert";
import { SubjectAlternativeNameExtension, X509Certificate as Parsed } from "@peculiar/x509";
import { createHash, X509Certificate } from "node:crypto";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { importKey } from "../../../src/x509/keys.ts";
import { readPem, writePem } from "../../../src/x509/pem.ts";
import { sniChallengeCertificate, sniChallengeName } from "../../../src/x509/sni_challenge_certificate.ts";
import { NOW } from "../../support/test_chain.ts";

const NAME = parseDnsName("api.example.com");
const KEY_AUTHORIZATION = "token123.thumbprint456";
const Z = "bd9ecf346d99b3ad6980b9af7e43999a.7e0ad417b9a4ec2a6ae85d4013565129.acme.invalid";

Deno.test("sniChallengeName() is the original's for its key authorization", () => {
  assertEquals<string>(sniChallengeName(KEY_AUTHORIZATION), Z);
  assertMatch(sniChallengeName("other.x"), /^[0-9a-f]{32}\.[0-9a-f]{32}\.acme\.invalid$/);
});

Deno.test("sniChallengeCertificate() is X.509 v3 whose only name is the challenge's", async () => {
  const made = await sniChallengeCertificate(NAME, KEY_AUTHORIZATION, NOW);
  const der = readPem(made.pem)[0]!.der;
  const parsed = new Parsed(der);
  assertEquals(Array.from(parsed.extensions, (it) => it.type), ["2.5.29.17"]);
  assertEquals(parsed.getExtension(SubjectAlternativeNameExtension)?.names.toJSON(), [{ type: "dns", value: Z }]);
  // version [0] EXPLICIT INTEGER 2 (RFC 5280 §4.1.2.1), first in the to-be-signed part
  assertEquals(der.toHex().indexOf("a003020102") < 20, true);
  assertEquals(/CN=/.test(`${parsed.subject}${parsed.issuer}`), false);
  assertEquals([made.name, made.serverName] as string[], [NAME, Z]);
  assertEquals(made.fingerprint, createHash("sha256").update(der).digest("hex"));
});

Deno.test("sniChallengeCertificate() is signed by its own key, which comes with it as canonical PEM", async () => {
  const { pem } = await sniChallengeCertificate(NAME, KEY_AUTHORIZATION, NOW);
  const blocks = readPem(pem);
  assertEquals(blocks.map((block) => block.label), ["CERTIFICATE", "PRIVATE KEY"]);
  assertEquals(blocks.map((block) => writePem(block.label, block.der)).join(""), pem);
  const x509 = new X509Certificate(blocks[0]!.der);
  assertEquals(x509.verify(x509.publicKey), true);
  const key = await importKey(writePem("PRIVATE KEY", blocks[1]!.der));
  assertEquals([key.type, key.spki.toHex()], [
    "ec-256",
    x509.publicKey.export({ type: "spki", format: "der" }).toString("hex"),
  ]);
});

Deno.test("sniChallengeCertificate() is valid for a week and has a new positive serial each time", async () => {
  const made = await Promise.all([1, 2].map(() => sniChallengeCertificate(NAME, KEY_AUTHORIZATION, NOW)));
  const [first, second] = made.map((it) => new X509Certificate(it.pem));
  assertEquals(new Date(first!.validFrom).toISOString(), "2026-11-23T11:00:00.000Z");
  assertEquals(new Date(first!.validTo).toISOString(), "2026-11-30T12:00:00.000Z");
  assertMatch(first!.serialNumber, /^[4-7][0-9A-F]{31}$/);
  assertEquals(first!.serialNumber === second!.serialNumber, false);
});
