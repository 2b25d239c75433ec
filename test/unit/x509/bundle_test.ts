import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createPrivateKey } from "node:crypto";
import fc from "fast-check";
import { bundlePem } from "../../../src/model/certificate.ts";
import { InputError, SidecarError } from "../../../src/model/errors.ts";
import { chainMatches, readBundle } from "../../../src/x509/bundle.ts";
import { generateKey } from "../../../src/x509/keys.ts";
import { inDays, testAuthority, testCertificate } from "../../support/test_chain.ts";

const KEY = await generateKey("ec-256");
const ROOT = await testAuthority("Root X1");
const CA = await testAuthority("E7", ROOT);
const LEAF = (await testCertificate(CA, KEY.publicKey, { names: ["a.example.com"], notAfter: inDays(-30) })).pem;
const SEC1 = String(createPrivateKey(KEY.pem).export({ type: "sec1", format: "pem" }));

for (
  const [why, pem, count] of [
    ["a bundle", LEAF + CA.pem + KEY.pem, 2],
    ["a bundle that the vault has stripped", (LEAF + CA.pem + KEY.pem).trim(), 2],
    ["a leaf and its key", LEAF + KEY.pem, 1],
    ["a bundle with the key first", KEY.pem + LEAF + CA.pem, 2],
    ["a bundle with a key of old", LEAF + CA.pem + SEC1, 2],
    [
      "a bundle with CRLF and blank lines",
      (LEAF + CA.pem + KEY.pem).replaceAll("\n", "\r\n").replaceAll("-----\r\n-", "-----\r\n\r\n-"),
      2,
    ],
    ["a bundle with its root", LEAF + CA.pem + ROOT.pem + KEY.pem, 3],
  ] as const
) {
  Deno.test(`readBundle() reads ${why} and gives it back canonical`, async () => {
    const bundle = await readBundle(pem);
    assertEquals(bundlePem(bundle), [LEAF, CA.pem, ROOT.pem].slice(0, count).join("") + KEY.pem);
    assertEquals(bundle.facts.subject, "a.example.com");
  });
}

const OTHER = await generateKey("ec-256");

for (
  const [why, pem, message] of [
    ["nothing", "", "it is empty"],
    ["a bundle without its key", LEAF + CA.pem, "there is no private key"],
    ["a key alone", KEY.pem, "there is no certificate"],
    ["the key of another certificate", LEAF + CA.pem + OTHER.pem, "the certificate is for another key"],
    ["two keys", LEAF + KEY.pem + OTHER.pem, "there are 2 PEM blocks"],
    ["the wrong order", CA.pem + LEAF + KEY.pem, "comes as number 2 and not first"],
    ["a foreign intermediate", LEAF + ROOT.pem + KEY.pem, 'was not signed by certificate 2 ("Root X1")'],
    ["a cut off bundle", (LEAF + KEY.pem).slice(0, -30), "block 2 is cut off"],
    ["something else between", LEAF + KEY.pem.replaceAll("PRIVATE", "PUBLIC"), "block 2 is not a certificate"],
  ] as const
) {
  Deno.test(`readBundle() refuses ${why}`, async () => {
    const error = await assertRejects(() => readBundle(pem, "X_BUNDLE"), InputError, message);
    assertEquals(error.field, "X_BUNDLE");
    assert(error.todo !== undefined && error.cause === undefined);
  });
}

Deno.test("readBundle() answers any change of a bundle with a bundle or an InputError that quotes nothing", async () => {
  const whole = LEAF + CA.pem + KEY.pem;
  const secret = KEY.pem.split("\n").slice(1, -2);
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length), fc.nat(40), fc.string({ maxLength: 3 }), async (at, drop, put) => {
      try {
        await readBundle(whole.slice(0, at) + put + whole.slice(at + drop));
      } catch (error) {
        assert(error instanceof InputError, String(error));
        assert(!secret.some((line) => error.message.includes(line.slice(0, 8))));
      }
    }),
    { numRuns: 150 },
  );
});

for (
  const [issuer, expected] of [
    ["E7", true],
    ["Root X1", true],
    ["a.example.com", false],
    ["Root X2", false],
    ["Root", false],
  ] as const
) {
  Deno.test(`chainMatches() says ${expected} to the issuer ${issuer}`, () => {
    assertEquals(chainMatches(LEAF + CA.pem, issuer), expected);
  });
}

Deno.test("chainMatches() refuses what is not a chain", () => {
  assertThrows(() => chainMatches("<html>", "E7"), SidecarError, "cannot be read");
});
