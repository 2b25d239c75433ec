import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createPrivateKey } from "node:crypto";
import fc from "fast-check";
import { bundlePem } from "../../../src/model/certificate.ts";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import { InputError } from "../../../src/model/errors.ts";
import type { KeyType } from "../../../src/model/key_type.ts";
import { type ForeignParts, importBundle } from "../../../src/x509/import_bundle.ts";
import { generateKey } from "../../../src/x509/keys.ts";
import { inDays, NOW, testAuthority, testCertificate, type TestCertOptions } from "../../support/test_chain.ts";

const KEY = await generateKey("ec-256");
const RSA = await generateKey("rsa-2048");
const NAMES = parseDnsNames(["a.example.com", "b.example.com"]);

const ROOT = await testAuthority("Root");
const UPPER = await testAuthority("Upper", ROOT);
const LOWER = await testAuthority("Lower", UPPER);
const FOREIGN = await testAuthority("Foreign", await testAuthority("Foreign Root"));
const EXPIRED = await testAuthority("Old", ROOT, { notBefore: inDays(-900), notAfter: inDays(-1) });
const SHOP = await testAuthority("Shop", ROOT, { ca: false });

const leaf = async (options: TestCertOptions = {}, by = LOWER, key = KEY): Promise<string> =>
  (await testCertificate(by, key.publicKey, { names: NAMES, ...options })).pem;
const LEAF = await leaf();
const RSA_LEAF = await leaf({}, LOWER, RSA);
const IN_ORDER = LEAF + LOWER.pem + UPPER.pem;

const OPENSSL_TEXT = `Bag Attributes
    localKeyID: 01 02
subject=CN = a.example.com
`;

function parts(changes: Partial<ForeignParts> = {}): ForeignParts {
  return { certificate: LEAF, privateKey: KEY.pem, chain: [LOWER.pem, UPPER.pem], ...changes };
}

for (
  const [why, given, expected] of [
    ["a chain in order", parts(), IN_ORDER],
    ["a chain upside down, with its root", parts({ chain: [ROOT.pem, UPPER.pem, LOWER.pem] }), IN_ORDER],
    ["all of it in one chain file", parts({ chain: [UPPER.pem + ROOT.pem + LOWER.pem] }), IN_ORDER],
    ["the chain in the certificate's own text", parts({ certificate: UPPER.pem + IN_ORDER, chain: [] }), IN_ORDER],
    ["the same certificates twice", parts({ certificate: IN_ORDER }), IN_ORDER],
    ["a leaf alone", parts({ chain: [] }), LEAF],
    ["a chain without its upper end", parts({ chain: [LOWER.pem] }), LEAF + LOWER.pem],
    [
      "the key in the certificate's text",
      { certificate: LOWER.pem + KEY.pem + LEAF, chain: [UPPER.pem] },
      IN_ORDER,
    ],
    ["CRLF and no final newline", parts({ certificate: LEAF.replaceAll("\n", "\r\n").trimEnd() }), IN_ORDER],
    [
      "the text that openssl pkcs12 writes",
      parts({ certificate: OPENSSL_TEXT + LEAF, privateKey: `Bag Attributes\nKey: <None>\n${KEY.pem}` }),
      IN_ORDER,
    ],
    ["the older label", parts({ certificate: LEAF.replaceAll("CERTIFICATE", "X509 CERTIFICATE") }), IN_ORDER],
    ["a self-signed certificate", parts({ certificate: await selfSigned(), chain: [] }), undefined],
  ] as const
) {
  Deno.test(`importBundle() takes ${why}`, async () => {
    const { bundle, keyType } = await importBundle(given, NOW);
    if (expected !== undefined) assertEquals(bundlePem(bundle), expected + KEY.pem);
    assertEquals(bundle.facts.names, NAMES);
    assertEquals(keyType, "ec-256");
  });
}

async function selfSigned(): Promise<string> {
  const self = { subject: `CN=${NAMES[0]}`, keys: { publicKey: KEY.publicKey, privateKey: KEY.privateKey } };
  return (await testCertificate(self, KEY.publicKey, { names: NAMES, ca: true })).pem;
}

for (
  const [form, key, certificate, pem] of [
    ["PKCS#8", KEY, LEAF, KEY.pem],
    ["SEC1", KEY, LEAF, asPem(KEY.pem, "sec1")],
    [
      "SEC1 behind its parameters",
      KEY,
      LEAF,
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${asPem(KEY.pem, "sec1")}`,
    ],
    ["PKCS#8 for RSA", RSA, RSA_LEAF, RSA.pem],
    ["PKCS#1", RSA, RSA_LEAF, asPem(RSA.pem, "pkcs1")],
  ] as const
) {
  Deno.test(`importBundle() takes a key in ${form} and keeps it as PKCS#8`, async () => {
    const { bundle, keyType } = await importBundle(parts({ certificate, privateKey: pem }), NOW);
    assertEquals([bundle.keyPem, keyType satisfies KeyType], [key.pem, key.type]);
  });
}

function asPem(pem: string, type: "sec1" | "pkcs1"): string {
  return createPrivateKey(pem).export({ type, format: "pem" }).toString();
}

Deno.test("importBundle() puts every order of the same certificates in order", async () => {
  const all = [LEAF, LOWER.pem, UPPER.pem, ROOT.pem];
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(all, { minLength: 4 }), fc.nat({ max: 3 }), async (shuffled, cut) => {
      const given = { certificate: shuffled.slice(0, cut + 1).join(""), chain: shuffled.slice(cut + 1) };
      const { bundle } = await importBundle({ ...given, privateKey: KEY.pem }, NOW);
      assertEquals(bundlePem(bundle), IN_ORDER + KEY.pem);
    }),
    { numRuns: 40 },
  );
});

for (
  const [why, given, field, message] of [
    ["a key of another certificate", parts({ privateKey: RSA.pem }), "private_key", "does not belong"],
    ["no key", { certificate: LEAF, chain: [] }, "private_key", "Private Key is required"],
    ["a certificate for a key", parts({ privateKey: LEAF }), "private_key", "it is a certificate"],
    [
      "an encrypted key",
      parts({ privateKey: KEY.pem.replaceAll("PRIVATE", "ENCRYPTED PRIVATE") }),
      "private_key",
      "it is encrypted",
    ],
    ["two keys", { certificate: LEAF + KEY.pem + RSA.pem, chain: [] }, "private_key", "there are 2 PEM blocks"],
    ["no PEM", parts({ certificate: "garbage" }), "certificate", "something other than PEM"],
    ["a cut off certificate", parts({ certificate: LEAF.slice(0, -40) }), "certificate", "block 1 is cut off"],
    [
      "a broken certificate",
      parts({ certificate: KEY.pem.replaceAll("PRIVATE KEY", "CERTIFICATE") }),
      "certificate",
      "certificate 1 is broken",
    ],
    ["a key in the chain", parts({ chain: [KEY.pem] }), "chain", "block 1 is not a certificate"],
    ["an empty chain file", parts({ chain: ["  "] }), "chain", "it is empty"],
    [
      "an expired certificate",
      parts({ certificate: await leaf({ notAfter: inDays(-1) }) }),
      "certificate",
      `The certificate "a.example.com" expired at ${inDays(-1).toISOString()}`,
    ],
    [
      "a certificate of the future",
      parts({ certificate: await leaf({ notBefore: inDays(1) }) }),
      "certificate",
      "is not valid before",
    ],
    [
      "an expired intermediate",
      parts({ certificate: await leaf({}, EXPIRED), chain: [EXPIRED.pem] }),
      "chain",
      'The certificate "Old" expired',
    ],
    ["a gap in the chain", parts({ chain: [UPPER.pem] }), "chain", '"Upper" has not signed any other'],
    ["a foreign certificate", parts({ chain: [LOWER.pem, FOREIGN.pem] }), "chain", '"Foreign" has not signed'],
    [
      "a foreign root",
      parts({ chain: [LOWER.pem, UPPER.pem, (await testAuthority("Lone")).pem] }),
      "chain",
      '"Lone" has not signed',
    ],
    ["another leaf", parts({ chain: [LOWER.pem, RSA_LEAF] }), "chain", '"a.example.com" has not signed'],
    [
      "an issuer that may not sign",
      parts({ certificate: await leaf({}, SHOP), chain: [SHOP.pem] }),
      "chain",
      '"Shop" has not signed',
    ],
    [
      "a collection",
      parts({
        chain: await Promise.all(Array.from({ length: 11 }, async (_, i) => (await testAuthority(`CA ${i}`)).pem)),
      }),
      "chain",
      "there are 12 certificates, the most is 10",
    ],
  ] as const
) {
  Deno.test(`importBundle() refuses ${why}, and quotes no key`, async () => {
    const error = await assertRejects(() => importBundle(given, NOW), InputError, message);
    assertEquals(error.field, field);
    const all = `${error.message} ${error.todo} ${error.cause ?? ""}`;
    assert(!all.includes("BEGIN") && !all.includes(KEY.pem.split("\n")[1]?.slice(0, 12) ?? "?"));
  });
}

Deno.test("importBundle() finds the way through two CAs of the same name", async () => {
  const twin = await testAuthority("Lower", FOREIGN);
  const error = await assertRejects(() => importBundle(parts({ chain: [twin.pem, LOWER.pem] }), NOW), InputError);
  assertStringIncludes(error.message, '"Lower" has not signed');
  const { bundle } = await importBundle(parts({ chain: [LOWER.pem, UPPER.pem] }), NOW);
  assertEquals(bundle.certificates.length, 3);
});

Deno.test("importBundle() takes the CN for a name where there is no SAN", async () => {
  const certificate = (await testCertificate(LOWER, KEY.publicKey, { subject: "CN=Old.Example.com" })).pem;
  const { bundle } = await importBundle(parts({ certificate }), NOW);
  assertEquals(bundle.facts.names, parseDnsNames(["old.example.com"]));
});
