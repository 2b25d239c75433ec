import { assert, assertEquals, assertInstanceOf, assertMatch, assertStringIncludes } from "@std/assert";
import "reflect-metadata";
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from "@peculiar/x509";
import { createPublicKey } from "node:crypto";
import { type DnsName, parseDnsName } from "../../../src/model/dns_name.ts";
import { createCsr } from "../../../src/x509/csr.ts";
import { generateKey } from "../../../src/x509/keys.ts";
import { writePem } from "../../../src/x509/pem.ts";
import { find, has, tempDir } from "../../support/process.ts";

const LONG = `${"a".repeat(60)}.example.com`;
const LONGEST = `${"a".repeat(52)}.example.com`; // 64 characters

for (
  const [why, names, subject] of [
    ["one name", ["www.example.com"], "CN=www.example.com"],
    ["names in their order", ["b.example.com", "a.example.com", "*.c.example.com"], "CN=b.example.com"],
    ["a first name of 64 characters", [LONGEST], `CN=${LONGEST}`],
    ["a first name that is too long for a CN", [LONG, "a.example.com"], ""],
    ["100 names", Array.from({ length: 100 }, (_, i) => `n${i}.example.com`), "CN=n0.example.com"],
  ] as const
) {
  Deno.test(`createCsr() asks for ${why}`, async () => {
    const key = await generateKey("ec-256");
    const csr = new Pkcs10CertificateRequest(await createCsr(parsed(names), key));
    assertEquals(csr.subject, subject);
    const [san] = csr.extensions;
    assertInstanceOf(san, SubjectAlternativeNameExtension);
    assertEquals(san.names.toJSON(), names.map((value) => ({ type: "dns" as const, value })));
    assertEquals(csr.extensions.length, 1);
    assertEquals(new Uint8Array(csr.publicKey.rawData).toHex(), spki(key.pem));
    assert(await csr.verify());
  });
}

for (
  const [type, signature] of [
    ["ec-256", "ecdsa-with-SHA256"],
    ["ec-384", "ecdsa-with-SHA384"],
    ["rsa-2048", "sha256WithRSAEncryption"],
  ] as const
) {
  Deno.test({
    name: `createCsr() signs with a ${type} key as openssl wants it [needs openssl]`,
    ignore: !has("openssl"),
    async fn(): Promise<void> {
      const der = await createCsr(parsed(["a.example.com", "*.b.example.com"]), await generateKey(type));
      using dir = tempDir();
      await Deno.writeTextFile(`${dir.path}/csr.pem`, writePem("CERTIFICATE REQUEST", der));
      const args = ["req", "-in", `${dir.path}/csr.pem`, "-noout", "-verify", "-text"];
      const { success, stdout, stderr } = await new Deno.Command(find("openssl")!, { args }).output();
      const text = new TextDecoder().decode(stdout);
      assert(success);
      assertStringIncludes(new TextDecoder().decode(stderr) + text, "verify OK");
      assertStringIncludes(text, "DNS:a.example.com, DNS:*.b.example.com");
      assertMatch(text, new RegExp(`Signature Algorithm: ${signature}`));
    },
  });
}

function parsed(names: readonly string[]): [DnsName, ...DnsName[]] {
  return names.map((name) => parseDnsName(name)) as [DnsName, ...DnsName[]];
}

function spki(pem: string): string {
  return createPublicKey(pem).export({ type: "spki", format: "der" }).toString("hex");
}
