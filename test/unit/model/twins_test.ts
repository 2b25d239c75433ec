import { assertEquals } from "@std/assert";
import { type DnsName, parseDnsName } from "../../../src/model/dns_name.ts";
import type { KeyTypes } from "../../../src/model/key_type.ts";
import { plan } from "../../../src/model/plan.ts";
import type { CertificateRecord, Intent } from "../../../src/model/records.ts";
import { defaultSecretName, MAX_SECRET_NAME, parseSecretName } from "../../../src/model/secret_name.ts";
import { heldTwin, surplusTwins, twinFor, wantedTwins } from "../../../src/model/twins.ts";

const NOW = new Date("2026-06-01T00:00:00Z");
const DAY = 86_400_000;
const URL_ = new URL("https://ca.test/1");
const BOTH: KeyTypes = ["ec-256", "rsa-2048"];

const EC: Intent = intent("a.example");
const RSA: Intent = { ...EC, keyType: "rsa-2048", secretName: named("a_example_RSA"), twinOf: EC.secretName };

function intent(name: string, changes: Partial<Intent> = {}): Intent {
  const subject = parseDnsName(name);
  const secretName = defaultSecretName(subject);
  return { names: [subject], keyType: "ec-256", secretName, certType: "fullchain", balancers: ["lb"], ...changes };
}

function named(text: string): Intent["secretName"] {
  return parseSecretName(`LE_CERTIFICATE_${text}`);
}

/** A certificate that is 30 days old and valid for 60 more, unless told. */
function held(
  wanted: Intent,
  changes: Partial<CertificateRecord> & { readonly left?: number } = {},
): CertificateRecord {
  const { left = 60, ...more } = changes;
  const notBefore = new Date(NOW.getTime() - 30 * DAY);
  const notAfter = new Date(NOW.getTime() + left * DAY);
  const facts = { subject: "", issuer: "", names: wanted.names, serial: "01", notBefore, notAfter, fingerprint: "" };
  const record = {
    origin: "ca",
    intent: wanted,
    facts,
    directory: URL_,
    account: URL_,
    order: URL_,
    storedAt: notBefore,
  };
  return { ...record, ...more } as CertificateRecord;
}

for (
  const [why, first, keyTypes, expected] of [
    ["the other kind is RSA", EC, BOTH, ["rsa-2048", "LE_CERTIFICATE_a_example_RSA", EC.secretName]],
    ["the other kind is EC", { ...EC, keyType: "rsa-2048" }, ["rsa-2048", "ec-384"], [
      "ec-384",
      "LE_CERTIFICATE_a_example_ECDSA",
      EC.secretName,
    ]],
    ["somebody chose the second kind for the first", { ...EC, keyType: "rsa-4096" }, BOTH, [
      "ec-256",
      "LE_CERTIFICATE_a_example_ECDSA",
      EC.secretName,
    ]],
    ["only one kind is configured", EC, ["ec-256"], undefined],
    ["it is a twin itself", RSA, BOTH, undefined],
    [
      "the name would be too long",
      { ...EC, secretName: parseSecretName("x".repeat(MAX_SECRET_NAME - 3)) },
      BOTH,
      undefined,
    ],
  ] as readonly (readonly [string, Intent, KeyTypes, readonly string[] | undefined])[]
) {
  Deno.test(`twinFor() where ${why}`, () => {
    const twin = twinFor(first, keyTypes);
    assertEquals(twin && [twin.keyType as string, twin.secretName, twin.twinOf], expected && [...expected]);
    if (twin !== undefined) assertEquals([twin.names, twin.balancers], [first.names, first.balancers]);
  });
}

const MORE: readonly [DnsName, ...DnsName[]] = [EC.names[0], parseDnsName("www.a.example")];

for (
  const [why, pairs, expected] of [
    ["none before the first is held", { declared: [EC], held: [] }, []],
    ["one beside a first that is held", { declared: [EC], held: [held(EC)] }, [RSA]],
    ["one beside what a command got", { declared: [], held: [held(EC)] }, [RSA]],
    ["the same where it is held", { declared: [], held: [held(EC), held(RSA)] }, [RSA]],
    ["none while the first has to change its names", { declared: [{ ...EC, names: MORE }], held: [held(EC)] }, []],
    ["none while the first has to change its key", { declared: [{ ...EC, keyType: "ec-384" }], held: [held(EC)] }, []],
    ["none beside an imported one", { declared: [EC], held: [held(EC, { origin: "imported" })] }, []],
    ["none beside a revoked one", {
      declared: [EC],
      held: [held(EC, { revoked: { at: NOW, reason: "cessationOfOperation" } })],
    }, []],
    ["none where only one kind is configured", { declared: [EC], held: [held(EC)], keyTypes: ["ec-256"] }, []],
    [
      "none under a name that is somebody else's",
      {
        declared: [],
        held: [held(EC), held(intent("b.example", { secretName: RSA.secretName, keyType: "rsa-2048" }))],
      },
      [{ ...intent("b.example"), secretName: named("a_example_RSA_ECDSA"), twinOf: RSA.secretName }],
    ],
  ] as readonly (readonly [string, Partial<Parameters<typeof wantedTwins>[0]>, readonly Intent[]])[]
) {
  Deno.test(`wantedTwins(): ${why}`, () => {
    assertEquals(wantedTwins({ declared: [], held: [], keyTypes: BOTH, ...pairs }), [...expected]);
  });
}

for (
  const [why, first, surplus] of [
    ["stays beside the other algorithm", held(EC), false],
    ["is over where the first has come to its algorithm", held({ ...EC, keyType: "rsa-4096" }), true],
    ["is over where the first was imported", held(EC, { origin: "imported" }), true],
    ["is over where the first is gone", held(intent("b.example")), true],
  ] as const
) {
  Deno.test(`surplusTwins(): a twin ${why}`, () => {
    const twin = held(RSA);
    assertEquals(surplusTwins([twin, first]), surplus ? [twin] : []);
  });
}

Deno.test("heldTwin() passes over one of the same algorithm", () => {
  const flipped = held({ ...EC, keyType: "rsa-2048" });
  const ecdsa = held({ ...EC, secretName: named("a_example_ECDSA"), twinOf: EC.secretName });
  assertEquals(heldTwin(flipped, [flipped, held(RSA)]), undefined);
  assertEquals(heldTwin(flipped, [flipped, held(RSA), ecdsa]), ecdsa);
});

for (
  const [why, given, expected] of [
    ["a twin that is missing is issued, after what expires", { twins: [RSA], held: [held(EC, { left: 2 })] }, [
      "a_example lifetime",
      "a_example_RSA missing",
    ]],
    ["each is renewed by its own dates", { twins: [RSA], held: [held(EC), held(RSA, { left: 2 })] }, [
      "a_example_RSA lifetime",
      "a_example fresh",
    ]],
    ["a twin takes over its first's names", {
      twins: [{ ...RSA, names: MORE }],
      held: [held({ ...EC, names: MORE }), held(RSA)],
    }, ["a_example_RSA changed", "a_example fresh"]],
    ["the twin of a declared one needs no record", {
      declared: [EC],
      twins: [RSA],
      held: [held(EC)],
      provable: () => false,
    }, ["a_example_RSA missing", "a_example fresh"]],
    ["what a person has to prove is not ordered unattended", {
      twins: [RSA],
      held: [held(EC)],
      provable: () => false,
    }, ["a_example_RSA by hand", "a_example fresh"]],
    ["one that KEY_TYPE does not name any more is kept", { declared: [EC], held: [held(EC), held(RSA, { left: 2 })] }, [
      "a_example_RSA lifetime",
      "a_example fresh",
    ]],
  ] as readonly (readonly [string, Partial<Parameters<typeof plan>[0]>, readonly string[]])[]
) {
  Deno.test(`plan() of twins: ${why}`, () => {
    const planned = plan({
      declared: [],
      held: [],
      provable: () => true,
      attempts: new Map(),
      names: new Map(),
      renewals: new Map(),
      now: NOW,
      caNow: NOW,
      ...given,
    });
    const shown = planned.map(({ intent, why }) => `${intent.secretName.replace("LE_CERTIFICATE_", "")} ${why}`);
    assertEquals(shown, [...expected]);
  });
}
