import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { bundlePem } from "../../../src/model/certificate.ts";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import { makeBundle } from "../../../src/x509/check_chain.ts";
import { generateKey } from "../../../src/x509/keys.ts";
import { writePem } from "../../../src/x509/pem.ts";
import { inDays, NOW, testAuthority, testCertificate, type TestCertOptions } from "../../support/test_chain.ts";

const KEY = await generateKey("ec-256");
const NAMES = parseDnsNames(["a.example.com", "*.b.example.com"]);
const EXPECT = { names: NAMES, now: NOW };

const ROOT = await testAuthority("Root");
const UPPER = await testAuthority("Upper", ROOT);
const LOWER = await testAuthority("Lower", UPPER);
const FOREIGN = await testAuthority("Foreign", await testAuthority("Foreign Root"));
const NO_CA = await testAuthority("Shop", ROOT, { ca: false });
const EXPIRED = await testAuthority("Expired", ROOT, { notBefore: inDays(-900), notAfter: inDays(-1) });

const leaf = async (options: TestCertOptions = {}, by = LOWER, key = KEY): Promise<string> =>
  (await testCertificate(by, key.publicKey, { names: NAMES, ...options })).pem;
const LEAF = await leaf();
const CHAIN = LEAF + LOWER.pem + UPPER.pem;

for (
  const [why, pem, count] of [
    ["leaf and intermediates", CHAIN, 3],
    ["a leaf alone", LEAF, 1],
    ["names in another order and other letters", await leaf({ names: ["*.B.example.com", "A.example.com"] }), 1],
    ["a root at the end, which it drops", CHAIN + ROOT.pem, 3],
    ["a leaf that a root signed, which it drops", await leaf({}, ROOT) + ROOT.pem, 1],
    ["CRLF", CHAIN.replaceAll("\n", "\r\n"), 3],
    ["no final newline", CHAIN.trimEnd(), 3],
    ["blank lines", CHAIN.replaceAll("-----BEGIN", "\n\n-----BEGIN"), 3],
    ["a start four minutes ahead of our clock", await leaf({ notBefore: new Date(NOW.getTime() + 240_000) }), 1],
    ["a last second", await leaf({ notAfter: new Date(NOW.getTime() + 1_000) }), 1],
  ] as const
) {
  Deno.test(`makeBundle() takes ${why}`, () => {
    const bundle = makeBundle(pem, KEY, EXPECT);
    assertEquals(bundle.certificates.length, count);
    assertEquals(bundle.keyPem, KEY.pem);
    assertEquals([...bundle.facts.names].sort(), [...NAMES].sort());
    assert(!/\n\n|\r/.test(bundlePem(bundle)));
  });
}

Deno.test("makeBundle() keeps the order and the bytes of what the CA sent", () => {
  const bundle = makeBundle(CHAIN, KEY, EXPECT);
  assertEquals(bundlePem(bundle), CHAIN + KEY.pem);
  assertEquals(bundle.facts.subject, "a.example.com");
  assertEquals(bundle.facts.issuer, "Lower");
});

for (
  const [why, pem, message] of [
    ["an empty answer", "", "it is empty"],
    ["a page", "<html><body>502 Bad Gateway</body></html>", "something other than PEM before block 1"],
    ["text in front", `subject=CN=a.example.com\n${CHAIN}`, "something other than PEM before block 1"],
    ["DER", String.fromCharCode(0x30, 0x82, 1, 2), "something other than PEM before block 1"],
    ["a cut off chain", CHAIN.slice(0, -40), "block 3 is cut off"],
    ["a key in the answer", CHAIN + KEY.pem, "block 4 is not a certificate"],
    [
      "a broken certificate",
      LEAF + writePem("CERTIFICATE", UPPER.der.slice(0, -9)),
      "certificate 2 is broken: its DER is cut off",
    ],
    [
      "a certificate for another key",
      await leaf({}, LOWER, await generateKey("ec-256")) + LOWER.pem,
      "for another key",
    ],
    ["the wrong order", LOWER.pem + LEAF, "the certificate for the key comes as number 2 and not first"],
    [
      "intermediates in the wrong order",
      LEAF + UPPER.pem + LOWER.pem,
      'issued by "Lower") was not signed by certificate 2 ("Upper")',
    ],
    [
      "a gap in the chain",
      LEAF + UPPER.pem,
      'certificate 1 (issued by "Lower") was not signed by certificate 2 ("Upper")',
    ],
    [
      "a foreign certificate at the end",
      CHAIN + FOREIGN.pem,
      'certificate 3 (issued by "Root") was not signed by certificate 4 ("Foreign")',
    ],
    [
      "an intermediate of the same name",
      LEAF + (await testAuthority("Lower")).pem,
      'was not signed by certificate 2 ("Lower")',
    ],
    ["an intermediate twice", LEAF + LOWER.pem + LOWER.pem, 'was not signed by certificate 3 ("Lower")'],
    ["two leaves", LEAF + await leaf({ serial: "0b" }), 'certificate 2 ("a.example.com") is a second leaf'],
    ["an issuer that may not sign", await leaf({}, NO_CA) + NO_CA.pem, 'certificate 2 ("Shop") is a second leaf'],
    ["a missing name", await leaf({ names: ["a.example.com"] }), "its names differ: *.b.example.com is missing"],
    ["a foreign name", await leaf({ names: [...NAMES, "c.example.com"] }), '"c.example.com" was not asked for'],
    [
      "other names",
      await leaf({ names: ["x\ny"] }),
      'a.example.com is missing, *.b.example.com is missing, "x\\ny" was not asked for',
    ],
    ["no names", await leaf({ san: [], subject: "CN=a.example.com" }), "a.example.com is missing"],
    ["an expired leaf", await leaf({ notAfter: NOW }), "expired at 2026-11-23T12:00:00.000Z"],
    [
      "an expired intermediate",
      await leaf({}, EXPIRED) + EXPIRED.pem,
      'certificate 2 ("Expired") expired at 2026-11-22',
    ],
    [
      "a leaf of the future",
      await leaf({ notBefore: new Date(NOW.getTime() + 360_000) }),
      "not valid before 2026-11-23T12:06",
    ],
  ] as const
) {
  Deno.test(`makeBundle() refuses ${why}`, () => {
    const error = assertThrows(() => makeBundle(pem, KEY, EXPECT), SidecarError, message);
    assertEquals([error.code, error.field], ["CERTIFICATE_REJECTED", "certificate"]);
    assert(error.todo !== undefined);
  });
}

Deno.test("makeBundle() says from when on a certificate of the future can be used", async () => {
  const pem = await leaf({ notBefore: inDays(1) });
  assertEquals(assertThrows(() => makeBundle(pem, KEY, EXPECT), SidecarError).retryAt, inDays(1));
});

Deno.test("makeBundle() names at most five names", async () => {
  const pem = await leaf({ names: [...NAMES, ...Array.from({ length: 90 }, (_, i) => `n${i}.example`)] });
  const { message } = assertThrows(() => makeBundle(pem, KEY, EXPECT), SidecarError);
  assert(message.endsWith('"n4.example" was not asked for and 85 more'), message);
});

Deno.test("makeBundle() answers any text with a bundle or a SidecarError", () => {
  const word = fc.constantFrom(..."-----BEGIN CERTIFICATE-----|-----END CERTIFICATE-----|\n|MIIB|=|é|\0".split("|"));
  const text = fc.oneof(fc.string(), fc.array(fc.oneof(word, fc.base64String())).map((parts) => parts.join("")));
  fc.assert(fc.property(text, (pem) => onlySidecarErrors(pem)), { numRuns: 300 });
});

Deno.test("makeBundle() answers a chain with a changed byte with a bundle or a SidecarError", async () => {
  const ders = [(await testCertificate(LOWER, KEY.publicKey, { names: NAMES })).der, LOWER.der];
  const change = fc.record({ which: fc.nat(1), at: fc.nat(), to: fc.integer({ min: 0, max: 255 }) });
  fc.assert(
    fc.property(change, ({ which, at, to }) => {
      const changed = ders.map((der, i) => i === which ? der.with(at % der.length, to) : der);
      onlySidecarErrors(changed.map((der) => writePem("CERTIFICATE", der)).join(""));
    }),
    { numRuns: 400 },
  );
});

function onlySidecarErrors(pem: string): void {
  try {
    makeBundle(pem, KEY, EXPECT);
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
  }
}
