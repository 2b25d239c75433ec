import "reflect-metadata"; // before @peculiar/x509
import { assertEquals } from "@std/assert";
import { AuthorityKeyIdentifierExtension, Extension } from "@peculiar/x509";
import { certificateFacts } from "../../../src/x509/certificate.ts";
import { testAuthority, testCertificate, testKeys } from "../../support/test_chain.ts";

const ROOT = await testAuthority("Root R1");
const KEYS = await testKeys();
const KEY_IDENTIFIER = "69885b6b87464041e1b37b847ba0ae2cde01c8d4"; // RFC 9773 §4.1

for (
  const [serial, certId] of [
    ["0087654321", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"], // the RFC's own
    ["7654321f", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.dlQyHw"],
    ["01", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AQ"],
  ] as const
) {
  Deno.test(`certificateFacts() names the certificate of serial ${serial} as RFC 9773 does`, async () => {
    const extensions = [new AuthorityKeyIdentifierExtension(KEY_IDENTIFIER)];
    const { der } = await testCertificate(ROOT, KEYS.publicKey, { serial, extensions });
    assertEquals(certificateFacts(der).certId, certId);
  });
}

for (
  const [why, extensions] of [
    ["no authority key identifier", []],
    ["one without key identifier", [new Extension("2.5.29.35", false, Uint8Array.of(0x30, 0x00))]],
    ["one with an empty key identifier", [new Extension("2.5.29.35", false, Uint8Array.of(0x30, 0x02, 0x80, 0x00))]],
    ["one that is broken", [new Extension("2.5.29.35", false, Uint8Array.of(0x30, 0x05, 0x80))]],
  ] as const
) {
  Deno.test(`certificateFacts() of a certificate with ${why} has no such name`, async () => {
    const { der } = await testCertificate(ROOT, KEYS.publicKey, { extensions });
    assertEquals(certificateFacts(der).certId, undefined);
  });
}
