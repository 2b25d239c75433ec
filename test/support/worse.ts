/**
 * A certificate in use from a public CA, and everything that must not take its place: each row says why, how it is made for
 * the key that the sidecar asked with, and the reason that has to be given.
 *
 * @module
 */
import "reflect-metadata";
import { ExtendedKeyUsageExtension, type Extension } from "@peculiar/x509";
import type { RefusalName } from "../../src/model/verdict.ts";
import { testAuthority, testCertificate, type TestCertOptions, type TestIssuer, testKeys } from "./test_chain.ts";

/** What a row is made for. */
export interface Asked {
  readonly names: readonly string[];
  readonly publicKey: CryptoKey;
  readonly now: Date;
}

/** Something that must not take the place of the one in use. */
export interface Worse {
  readonly why: string;
  readonly reason: RefusalName;
  /** A person may take it all the same. */
  readonly overridable?: true;
  readonly make: (asked: Asked) => Promise<string>;
}

const DAY = 86_400_000;
const LONG = { notBefore: new Date("2020-01-01T00:00:00Z"), notAfter: new Date("2045-01-01T00:00:00Z") };
const SERVER = "1.3.6.1.5.5.7.3.1";
const CLIENT = "1.3.6.1.5.5.7.3.2";
const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

const ROOT = await testAuthority("ISRG Root", undefined, {
  ...LONG,
  subject: "C=US, O=Internet Security, CN=ISRG Root",
});
const UPPER = await under("R0", ROOT);
const LOWER = await under("R10", UPPER);
const ODD = await testAuthority("R99", ROOT, { ...LONG, ca: false, subject: subjectOf("R99") });
const PRIVATE = await testAuthority("Our own", undefined, { ...LONG, subject: "O=Our own, CN=Our own" });
const PRIVATE_LOWER = await testAuthority("Our lower", PRIVATE, { ...LONG, subject: "O=Our own, CN=Our lower" });
const WEAK = await testAuthority("Weak", UPPER, {
  ...LONG,
  subject: subjectOf("Weak"),
  keys: await crypto.subtle.generateKey(
    { ...RSA, modulusLength: 1024, publicExponent: Uint8Array.of(1, 0, 1) },
    true,
    ["sign", "verify"],
  ),
});
const SHA1 = await testAuthority("Old", UPPER, {
  ...LONG,
  subject: subjectOf("Old"),
  signing: { name: "ECDSA", hash: "SHA-1" },
});
const TRIALS = await Promise.all(
  [
    ["Let's Encrypt staging", "C=US, O=(STAGING) Let's Encrypt, CN=(STAGING) Riddling Rhubarb R12"],
    ["Let's Encrypt staging of former years", "CN=Fake LE Intermediate X1"],
    ["Pebble", "CN=Pebble Intermediate CA 28a5b6"],
  ].map(async ([why = "", subject = ""]) => {
    const root = await testAuthority("Trial", undefined, LONG);
    return { why, issuer: await testAuthority("Trial", root, { ...LONG, subject }) };
  }),
);

function subjectOf(name: string): string {
  return `C=US, O=Let's Encrypt, CN=${name}`;
}

async function under(name: string, issuer: TestIssuer, options: TestCertOptions = {}): Promise<TestIssuer> {
  return await testAuthority(name, issuer, { ...LONG, subject: subjectOf(name), ...options });
}

function usage(...usages: string[]): { readonly extensions: readonly Extension[] } {
  return { extensions: [new ExtendedKeyUsageExtension(usages)] };
}

async function leaf(asked: Asked, options: TestCertOptions = {}, by = LOWER, key = asked.publicKey): Promise<string> {
  return (await testCertificate(by, key, {
    names: asked.names,
    serial: crypto.randomUUID().slice(0, 8).replace(/^./, "1"),
    notBefore: days(asked, 0),
    notAfter: days(asked, 90),
    ...usage(SERVER),
    ...options,
  })).pem;
}

function days({ now }: Asked, count: number): Date {
  return new Date(now.getTime() + count * DAY);
}

const REST = LOWER.pem + UPPER.pem;

/** The one in use: from a public CA, for servers and clients, a third of its 90 days over. */
export async function inUse(asked: Asked): Promise<string> {
  const dates = { notBefore: days(asked, -30), notAfter: days(asked, 60) };
  return await leaf(asked, { ...dates, ...usage(SERVER, CLIENT) }) + REST;
}

/** A good one: newer, from the same CA. */
export async function better(asked: Asked, options: TestCertOptions = {}): Promise<string> {
  return await leaf(asked, { ...usage(SERVER, CLIENT), ...options }) + REST;
}

/** A good one of another CA, which is nobody's that is known. */
export async function ofAnother(asked: Asked): Promise<string> {
  return await leaf(asked, {}, PRIVATE_LOWER) + PRIVATE_LOWER.pem;
}

/** A self-signed certificate; nobody trusts it. */
export async function selfSigned({ names, now }: Asked, keys: CryptoKeyPair): Promise<string> {
  const pem = await testCertificate({ subject: `CN=${names[0]}`, keys }, keys.publicKey, {
    names,
    notBefore: now,
    notAfter: new Date(now.getTime() + 90 * DAY),
  });
  return pem.pem;
}

/** Everything that must not be served in its place. */
export const WORSE: readonly Worse[] = [
  ...([
    ["an empty answer", () => ""],
    ["a page", () => "<html>502 Bad Gateway</html>"],
    ["text in front", (chain) => `subject=x\n${chain}`],
    ["a chain that is cut off", (chain) => chain.slice(0, -40)],
    ["a chain that is cut off in its first certificate", (chain) => chain.slice(0, 200)],
    ["DER", () => "0\u0082\u0001\u0002"],
    ["a certificate whose content is cut off", (chain) => chain.replace(/\n[^\n]+\n-----END/, "\n-----END")],
  ] as const satisfies readonly (readonly [string, (chain: string) => string])[]).map(([why, spoil]): Worse => ({
    why,
    reason: "unreadable",
    make: async (asked) => spoil(await better(asked)),
  })),
  row("a leaf for another key", "wrong-key", async (it) => {
    return await leaf(it, {}, LOWER, (await testKeys()).publicKey) + REST;
  }),
  row("fewer names", "wrong-names", async (it) => await leaf(it, { names: it.names.slice(1) }) + REST),
  row("a foreign name", "wrong-names", async (it) => await leaf(it, { names: [...it.names, "x.example"] }) + REST),
  row("other names", "wrong-names", async (it) => await leaf(it, { names: ["x.example"] }) + REST),
  row("no names", "wrong-names", async (it) => await leaf(it, { san: [] }) + REST),
  row("a name that is none", "wrong-names", async (it) => await leaf(it, { names: [...it.names, "x\ny"] }) + REST),
  row("a wildcard instead", "wrong-names", async (it) => await leaf(it, { names: ["*.example.com"] }) + REST),
  row("the intermediate first", "chain-order", async (it) => LOWER.pem + await leaf(it) + UPPER.pem),
  row("intermediates in the wrong order", "chain-order", async (it) => await leaf(it) + UPPER.pem + LOWER.pem),
  row("a gap in the chain", "chain-broken", async (it) => await leaf(it) + UPPER.pem),
  row("a foreign intermediate", "chain-broken", async (it) => await leaf(it) + PRIVATE_LOWER.pem),
  row("an intermediate of the same name and another key", "chain-broken", async (it) => {
    return await leaf(it) + (await under("R10", UPPER)).pem;
  }),
  row("a foreign certificate at the end", "chain-broken", async (it) => await leaf(it) + REST + PRIVATE_LOWER.pem),
  row("two leaves", "chain-broken", async (it) => await leaf(it) + await leaf(it) + REST),
  row("an issuer that may not sign", "chain-broken", async (it) => await leaf(it, {}, ODD) + ODD.pem),
  row("an intermediate twice", "chain-order", async (it) => await leaf(it) + LOWER.pem + REST),
  { ...row("a leaf alone", "chain-missing", (it) => leaf(it)), overridable: true },
  row("an expired leaf", "expired", async (it) => {
    return await leaf(it, { notBefore: days(it, -90), notAfter: days(it, -1) }) + REST;
  }),
  row("an expired intermediate", "expired", async (it) => {
    const old = await under("R11", UPPER, { notAfter: days(it, -1) });
    return await leaf(it, {}, old) + old.pem + UPPER.pem;
  }),
  row("a leaf of the day after tomorrow", "not-yet-valid", async (it) => {
    return await leaf(it, { notBefore: days(it, 2), notAfter: days(it, 92) }) + REST;
  }),
  row("an intermediate of next month", "not-yet-valid", async (it) => {
    const young = await under("R12", UPPER, { notBefore: days(it, 30) });
    return await leaf(it, {}, young) + young.pem + UPPER.pem;
  }),
  row("an intermediate with RSA of 1024 bits", "weak-key", async (it) => {
    return await leaf(it, { signing: RSA }, WEAK) + WEAK.pem + UPPER.pem;
  }),
  row("a leaf that is signed over SHA-1", "weak-signature", async (it) => {
    return await leaf(it, { signing: { name: "ECDSA", hash: "SHA-1" } }) + REST;
  }),
  row("an intermediate that is signed over SHA-1", "weak-signature", async (it) => {
    return await leaf(it, {}, SHA1) + SHA1.pem + UPPER.pem;
  }),
  row("a certificate for clients alone", "no-server-auth", async (it) => await leaf(it, usage(CLIENT)) + REST),
  row("a certificate for signing code", "no-server-auth", async (it) => {
    return await leaf(it, usage("1.3.6.1.5.5.7.3.3")) + REST;
  }),
  ...TRIALS.map(({ why, issuer }): Worse => ({
    ...row(`a certificate of ${why}`, "staging-over-production", async (it) => await leaf(it, {}, issuer) + issuer.pem),
    overridable: true,
  })),
  { ...row("a certificate of a private CA", "private-over-public", ofAnother), overridable: true },
  {
    ...row("an older certificate", "ends-earlier", (it) => {
      return better(it, { notBefore: days(it, -50), notAfter: days(it, 40) });
    }),
    overridable: true,
  },
  {
    ...row("a certificate for a day", "ends-earlier", (it) => better(it, { notAfter: days(it, 1) })),
    overridable: true,
  },
  {
    ...row("a certificate for an hour", "ends-earlier", (it) => {
      return better(it, { notAfter: new Date(it.now.getTime() + 3_600_000) });
    }),
    overridable: true,
  },
];

function row(why: string, reason: RefusalName, make: Worse["make"]): Worse {
  return { why, reason, make };
}
