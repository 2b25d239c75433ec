import { assertEquals } from "@std/assert";
import type { Bundle } from "../../../src/model/certificate.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { parseSecretName } from "../../../src/model/secret_name.ts";
import type { SecretWrite, Vault } from "../../../src/ports.ts";
import {
  bundleWrites,
  readStoredBundle,
  readStoredSecrets,
  repairWrites,
} from "../../../src/vault/certificate_secrets.ts";
import { memoryVault } from "../../../src/vault/memory_vault.ts";
import { fakeClock } from "../../support/fake_clock.ts";

const BASE = parseSecretName("LE_CERTIFICATE_example_com");
const call = { signal: new AbortController().signal };
const [LEAF, INTER, KEY] = [pem("CERTIFICATE", "leaf"), pem("CERTIFICATE", "inter"), pem("PRIVATE KEY", "key")];
const NEW_KEY = pem("PRIVATE KEY", "newkey");

for (
  const [certType, certificates, expected] of [
    ["fullchain", [LEAF, INTER], LEAF + INTER],
    ["cert", [LEAF, INTER], LEAF],
    ["chain", [LEAF, INTER], INTER],
    ["chain", [LEAF], LEAF],
  ] as const
) {
  Deno.test(`bundleWrites() of ${certificates.length} certificates as ${certType}: bundle whole, and last`, () => {
    assertEquals(
      bundleWrites(BASE, bundle(certificates), certType).map(({ name, value }) => [String(name), value]),
      [
        ["LE_CERTIFICATE_example_com_PRIVATE_KEY", KEY],
        ["LE_CERTIFICATE_example_com_CERTIFICATE", expected],
        ["LE_CERTIFICATE_example_com_BUNDLE", certificates.join("") + KEY],
      ],
    );
  });
}

Deno.test("readStoredBundle() gives the final newline back that the vault strips", async () => {
  await using vault = await stored();
  assertEquals(await readStoredBundle(vault, BASE, call), LEAF + INTER + KEY);
  assertEquals(await readStoredBundle(vault, parseSecretName("other"), call), undefined);
});

for (const certType of ["fullchain", "chain", "cert"] as const) {
  Deno.test(`repairWrites() has nothing to do after a whole write as ${certType}`, async () => {
    await using vault = await stored(certType);
    assertEquals(repairWrites(BASE, await readStoredSecrets(vault, BASE, call), certType), []);
  });
}

Deno.test("repairWrites() brings key and certificate to the bundle, and only over what was read", async () => {
  await using vault = await stored();
  const newer = bundleWrites(BASE, { ...bundle([LEAF]), keyPem: NEW_KEY }, "fullchain");
  await vault.write(newer.slice(2), call); // the process ended in between
  const mend = repairWrites(BASE, await readStoredSecrets(vault, BASE, call), "fullchain");
  assertEquals(mend, newer.slice(0, 2).map((write) => ({ ...write, ifVersion: 1 })));
  await vault.write(mend, call);
  assertEquals(repairWrites(BASE, await readStoredSecrets(vault, BASE, call), "fullchain"), []);
});

Deno.test("repairWrites() brings back secrets that are missing", async () => {
  await using vault = await stored();
  const [key, certificate] = bundleWrites(BASE, bundle([LEAF, INTER]), "fullchain");
  if (key !== undefined) await vault.remove(key.name, call);
  const first = repairWrites(BASE, await readStoredSecrets(vault, BASE, call), "fullchain");
  assertEquals<readonly unknown[]>(first, [{ ...key, ifVersion: 0 }]);
  if (certificate !== undefined) await vault.remove(certificate.name, call);
  assertEquals(repairWrites(BASE, await readStoredSecrets(vault, BASE, call), "fullchain").length, 2);
});

for (
  const [text, why] of [
    [undefined, "missing"],
    ["no PEM at all", "no PEM"],
    [LEAF + INTER, "without a key"],
    [KEY, "without a certificate"],
    [LEAF + KEY + NEW_KEY, "with two keys"],
    [LEAF + KEY.slice(0, -10), "cut off"],
  ] as const
) {
  Deno.test(`repairWrites() leaves all alone where the bundle is ${why}`, () => {
    const createdAt = new Date(0);
    const found = text === undefined ? {} : { bundle: { value: text, version: 1, createdAt } };
    const key = { privateKey: { value: "another", version: 3, createdAt } };
    assertEquals<readonly SecretWrite[]>(repairWrites(BASE, { ...found, ...key }, "fullchain"), []);
  });
}

async function stored(certType: "fullchain" | "chain" | "cert" = "fullchain"): Promise<Vault> {
  const vault = memoryVault(fakeClock());
  await vault.write(bundleWrites(BASE, bundle([LEAF, INTER]), certType), call);
  return vault;
}

function bundle(certificates: readonly [string, ...string[]]): Bundle {
  const name = parseDnsName("example.com");
  const dates = { notBefore: new Date(0), notAfter: new Date(1) };
  const facts = { subject: name, issuer: "CA", names: [name], serial: "01", fingerprint: "00", ...dates };
  return { facts, certificates, keyPem: KEY };
}

function pem(label: string, content: string): string {
  return `-----BEGIN ${label}-----\n${btoa(content)}\n-----END ${label}-----\n`;
}
