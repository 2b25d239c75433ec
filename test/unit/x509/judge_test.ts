import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { SidecarError } from "../../../src/model/errors.ts";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import { judge, type Proposed, type Standing } from "../../../src/model/judge.ts";
import { trustOf } from "../../../src/model/trust.ts";
import { FINDING_NAMES, isOverridable, REFUSALS, todoOf, type Verdict } from "../../../src/model/verdict.ts";
import { appraise } from "../../../src/x509/check_chain.ts";
import { generateKey, importKey, type KeyPair } from "../../../src/x509/keys.ts";
import { writePem } from "../../../src/x509/pem.ts";
import { inDays, NOW, testCertificate, testKeys } from "../../support/test_chain.ts";
import { type Asked, better, inUse, ofAnother, selfSigned, WORSE } from "../../support/worse.ts";

const NAMES = parseDnsNames(["www.example.com", "example.com"]);
const KEY = await generateKey("ec-256");
const OLD_KEY = await generateKey("ec-256");
const ASKED: Asked = { names: NAMES, publicKey: KEY.publicKey, now: NOW };
const LETS_ENCRYPT = new URL("https://acme-v02.api.letsencrypt.org/directory");
const STANDING: Standing = {
  chain: appraise(await inUse({ ...ASKED, publicKey: OLD_KEY.publicKey }), OLD_KEY).chain,
  directory: LETS_ENCRYPT,
  revoked: false,
};

function verdictOn(pem: string, changes: Partial<Proposed> = {}, standing: Standing | "none" = STANDING): Verdict {
  const before = standing === "none" ? undefined : standing;
  return judge({ chain: appraise(pem, KEY).chain, names: NAMES, ...changes }, before, NOW);
}

function names(verdict: Verdict): readonly string[] {
  if (verdict.do === "swap") return [];
  return (verdict.do === "keep aside" ? verdict.reasons : verdict.warnings).map((it) => it.name);
}

for (const { why, reason, make, overridable = false } of WORSE) {
  Deno.test(`judge() keeps aside ${why}: ${reason}`, async () => {
    const pem = await make(ASKED);
    if (reason === "unreadable") {
      const error = caught(() => appraise(pem, KEY));
      assertStringIncludes(error.message, "its answer cannot be read");
      return;
    }
    const verdict = verdictOn(pem);
    assert(verdict.do === "keep aside", verdict.do);
    assert(names(verdict).includes(reason), names(verdict).join());
    assertEquals(isOverridable(verdict.reasons), overridable);
    assert(verdict.reasons.every((it) => it.found !== "" && !it.found.endsWith(".")));
  });
}

for (
  const [why, changes, expected] of [
    ["a newer one of the same CA", {}, []],
    ["a lifetime of 64 days", { notAfter: inDays(64) }, ["shorter-lifetime"]],
    ["F-85: a lifetime of 45 days that ends first", { notAfter: inDays(45) }, ["shorter-lifetime"]],
    ["F-85: a lifetime of 160 hours that ends first", { notAfter: inDays(160 / 24) }, ["shorter-lifetime"]],
    ["F-85: one that is not for clients any more", { extensions: [] }, []],
  ] as const
) {
  Deno.test(`judge() takes ${why}`, async () => {
    const verdict = verdictOn(await better(ASKED, changes));
    assertEquals(verdict.do, expected.length === 0 ? "swap" : "swap with warnings");
    assertEquals(names(verdict), [...expected]);
  });
}

Deno.test("judge() warns where clients, the issuer and the kind of key are not what they were (F-85)", async () => {
  const rsa = await generateKey("rsa-2048");
  const asked = { ...ASKED, publicKey: rsa.publicKey };
  const zerossl = new URL("https://acme.zerossl.com/v2/DV90");
  const chain = appraise(await ofAnother(asked), rsa).chain;

  const verdict = judge({ chain, names: NAMES, directory: zerossl }, STANDING, NOW);

  assertEquals(names(verdict), ["client-auth-lost", "issuer-changed", "key-type-changed"]);
  assert(verdict.do === "swap with warnings");
  assertStringIncludes(
    verdict.warnings.map((it) => it.found).join(),
    "RSA with 2048 bits, the one before was EC on P-256",
  );
});

for (
  const [what, host] of [
    ["Let's Encrypt staging", "acme-staging-v02.api.letsencrypt.org"],
    ["Google's test environment", "dv.acme-v02.test-api.pki.goog"],
    ["Buypass' test environment", "api.test4.buypass.no"],
  ] as const
) {
  Deno.test(`F-83: judge() knows a certificate of ${what} by its directory, whatever its issuer is called`, async () => {
    const directory = new URL(`https://${host}/directory`);
    const verdict = verdictOn(await better(ASKED), { directory });
    assertEquals(names(verdict), ["staging-over-production"]);
    assertStringIncludes(JSON.stringify(verdict), host);
  });
}

Deno.test("F-83: judge() knows a leaf that signs itself as one that nobody trusts", async () => {
  const { keys, pair } = await ownKeys();
  const { chain } = appraise(await selfSigned(ASKED, keys), pair);
  assertEquals(trustOf(chain, LETS_ENCRYPT), "test");
  assertEquals(names(judge({ chain, names: NAMES }, STANDING, NOW)), ["staging-over-production"]);
});

Deno.test("judge() takes a trial's certificate where nothing is served, or nothing better", async () => {
  const trial = await WORSE.find((it) => it.why.includes("Pebble"))!.make(ASKED);
  assertEquals(verdictOn(trial, {}, "none").do, "swap");
  const before = appraise(await WORSE.find((it) => it.why.includes("staging"))!.make(ASKED), KEY).chain;
  const verdict = verdictOn(trial, {}, { chain: before, revoked: false });
  assertEquals(names(verdict), ["issuer-changed"]);
});

Deno.test("judge() takes a public CA's certificate in place of a trial's or a private CA's", async () => {
  const before = appraise(await ofAnother(ASKED), KEY).chain;
  const verdict = verdictOn(await better(ASKED), {}, { chain: before, revoked: false });
  assertEquals(names(verdict), ["issuer-changed"]);
});

Deno.test("F-87: judge() takes one that ends first where the one in use was revoked, and says so", async () => {
  const pem = await better(ASKED, { notAfter: inDays(30), notBefore: inDays(-40) });
  assertEquals(names(verdictOn(pem)), ["ends-earlier"]);
  assertEquals(names(verdictOn(pem, {}, { ...STANDING, revoked: true })), ["shorter-lifetime"]);
});

Deno.test("judge() warns of names that nothing of ours is for any more, and shows five of many", async () => {
  const lost = parseDnsNames(Array.from({ length: 7 }, (_, i) => `n${i}.example.com`));
  const verdict = verdictOn(await better(ASKED), {}, { ...STANDING, lost });

  assertEquals(names(verdict), ["names-dropped"]);
  assert(verdict.do === "swap with warnings");
  const { found } = verdict.warnings[0];
  assertStringIncludes(
    found,
    "for n0.example.com, n1.example.com, n2.example.com, n3.example.com, n4.example.com and 2 more",
  );
});

Deno.test("judge() finds nothing worse in the same certificate again", async () => {
  const chain = appraise(await better(ASKED, { notAfter: inDays(1) }), KEY).chain;
  assertEquals(
    verdictOn(await better(ASKED), { chain }, { chain, directory: LETS_ENCRYPT, revoked: false }).do,
    "swap",
  );
});

Deno.test("F-86: judge() says from when on a certificate that comes too early can be taken", async () => {
  const early = verdictOn(await better(ASKED, { notBefore: inDays(1), notAfter: inDays(91) }));
  assert(early.do === "keep aside");
  assertEquals(early.waitUntil, inDays(1));
  const other = verdictOn(await better(ASKED, { notBefore: inDays(1), notAfter: inDays(91), names: ["x.example"] }));
  assert(other.do === "keep aside");
  assertEquals([names(other), other.waitUntil], [["wrong-names", "not-yet-valid"], undefined]);
});

Deno.test("judge() gives all reasons, and what else is told", async () => {
  const pem = await better(ASKED, { names: ["x.example"], notBefore: inDays(-40), notAfter: inDays(-1) });
  const verdict = verdictOn(pem);
  assertEquals(names(verdict), ["wrong-names", "expired", "ends-earlier"]);
});

Deno.test("every finding says what to do", () => {
  for (const name of FINDING_NAMES) assert(todoOf(name).length > 20, name);
  const overridable = Object.entries(REFUSALS).filter(([, it]) => it.overridable).map(([name]) => name);
  assertEquals(overridable, ["chain-missing", "staging-over-production", "private-over-public", "ends-earlier"]);
});

Deno.test("appraise() reads kinds of keys and digests", async () => {
  const { pem } = await testCertificate({ subject: "CN=x", keys: await testKeys() }, KEY.publicKey, { names: NAMES });
  const [link] = appraise(pem, KEY).chain.links;
  assertEquals([link.key, link.digest], [{ family: "EC", curve: "P-256" }, "SHA-256"]);
  const rsa = await generateKey("rsa-3072");
  const [other] = appraise(await better({ ...ASKED, publicKey: rsa.publicKey }), rsa).chain.links;
  assertEquals(other.key, { family: "RSA", bits: 3072 });
});

function caught(run: () => unknown): SidecarError {
  try {
    run();
  } catch (error) {
    if (error instanceof SidecarError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

async function ownKeys(): Promise<{ readonly keys: CryptoKeyPair; readonly pair: KeyPair }> {
  const keys = await testKeys();
  const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  return { keys, pair: await importKey(writePem("PRIVATE KEY", der)) };
}
