import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { InputError, SidecarError } from "../../../src/model/errors.ts";
import { bundlePem } from "../../../src/model/certificate.ts";
import { canonicalPem, checkFile, checkPem } from "../../../plugin/certs/pem.ts";
import { testPki } from "../../support/pki.ts";

const PEM = bundlePem(testPki().issue(["a.example.com"]));

Deno.test("checkFile() takes the names of our files", () => {
  for (const file of ["LE_CERTIFICATE_example_com.pem", "LE_CERTIFICATE_STAR_a-b.pem", "x.pem"]) checkFile(file);
});

for (
  const file of ["", ".pem", "a.pem.tmp", "../a.pem", "a/b.pem", "a b.pem", "a.b.pem", "a\n.pem", "a;.pem", "é.pem"]
) {
  Deno.test(`checkFile() refuses ${JSON.stringify(file)}`, () => {
    assertThrows(() => checkFile(file), InputError, "as a certificate's file");
  });
}

Deno.test("checkPem() takes a canonical bundle", () => checkPem(PEM, "it"));

for (
  const [why, pem] of [
    ["is not a line of PEM", PEM.replace("-----END CERTIFICATE-----\n", "-----END CERTIFICATE-----\n\n")],
    ["is not a line of PEM", PEM.replaceAll("\n", "\r\n")],
    ["line 1 is not a line of PEM", `\n${PEM}`],
    ["line 1 is not a line of PEM", `Bag Attributes\n${PEM}`],
    ["is not a line of PEM", `${PEM}show info\n`],
    ["is not a line of PEM", `${PEM}\n`],
    ["does not end with a line", PEM.slice(0, -1)],
    ["certificate or key is missing", PEM.slice(0, PEM.indexOf("-----BEGIN PRIVATE"))],
    ["certificate or key is missing", PEM.slice(PEM.indexOf("-----BEGIN PRIVATE"))],
  ] as const
) {
  Deno.test(`checkPem() refuses what ${why}, and quotes nothing of it`, () => {
    const error = assertThrows(() => checkPem(pem, "a.pem"), SidecarError, why);
    assertEquals(error.code, "CERTIFICATE_REJECTED");
    assertEquals(/[A-Za-z0-9+/]{40}/.test(error.message), false);
  });
}

Deno.test("checkPem() lets no text through that ends a payload early", () => {
  const insert = fc.constantFrom("\n", "\r\n", "\n\n", " \n", "show info\n", "\u2028", "\0");
  fc.assert(fc.property(fc.nat(PEM.length), insert, (at, text) => {
    const changed = PEM.slice(0, at) + text + PEM.slice(at);
    try {
      checkPem(changed, "it");
    } catch {
      return;
    }
    assertEquals(/\n\n|\r/.test(changed) || !changed.endsWith("\n"), false);
  }));
});

Deno.test("canonicalPem() keeps the blocks and drops what stands around them", () => {
  const [leaf, key] = [PEM.slice(0, PEM.indexOf("-----END") + 26), PEM.slice(PEM.indexOf("-----BEGIN PRIVATE"))];
  assertEquals(canonicalPem(`# mine\r\n\n${leaf.replaceAll("\n", "\r\n")}\n\nBag Attributes\n${key}\n`), leaf + key);
  assertEquals(canonicalPem("nothing"), undefined);
});
