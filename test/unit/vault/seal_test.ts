import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { describe, InputError, SidecarError } from "../../../src/model/errors.ts";
import { orderKeyName, parseSecretName, type VaultName } from "../../../src/model/secret_name.ts";
import { makeSealer } from "../../../src/vault/seal.ts";

const KEY = "0123456789abcdef0123456789abcdef";
const NAME = parseSecretName("LE_PRIVATE_KEY");
const VALUE = "grüße, the secret";

Deno.test("makeSealer() opens the vector that two other implementations computed", async () => {
  // Python's cryptography and OpenSSL (node:crypto): key of HKDF(KEY), nonce 00…0b, version 7, "grüße".
  const sealed = "01000102030405060708090a0bbd1bc10f9168926539518496d96189bb758355fd905fe6";
  assertEquals(await (await makeSealer(KEY)).open(NAME, 7, Buffer.from(sealed, "hex")), "grüße");
});

for (
  const [name, version, value] of [
    [NAME, 1, VALUE],
    [orderKeyName("7"), 4_294_967_296, "\ufeffa BOM is kept"],
    [parseSecretName("a-b_C"), 2, "x".repeat(100_000)],
  ] as const
) {
  Deno.test(`seal() makes what OpenSSL opens: ${name} ${version}`, async () => {
    const sealed = await (await makeSealer(KEY)).seal(name, version, value);
    assertEquals(sealed.length, 1 + 12 + new TextEncoder().encode(value).length + 16);
    assertEquals(openIndependently(KEY, name, version, sealed), value);
  });

  Deno.test(`open() opens what OpenSSL sealed: ${name} ${version}`, async () => {
    const sealed = sealIndependently(KEY, name, version, value);
    assertEquals(await (await makeSealer(KEY)).open(name, version, sealed), value);
  });
}

Deno.test("seal() never repeats itself", async () => {
  const sealer = await makeSealer(KEY);
  const sealed = await Promise.all(Array.from({ length: 50 }, () => sealer.seal(NAME, 1, VALUE)));
  assertEquals(new Set(sealed.map((it) => Buffer.from(it.slice(1, 13)).toString("hex"))).size, 50);
});

Deno.test("open() refuses a value that was sealed with another key", async () => {
  const sealed = await (await makeSealer(KEY)).seal(NAME, 1, VALUE);
  const other = await makeSealer(`${KEY} `);
  await refused(() => other.open(NAME, 1, sealed));
});

Deno.test("open() refuses another name and another version", async () => {
  const sealer = await makeSealer(KEY);
  const sealed = await sealer.seal(NAME, 1, VALUE);
  await refused(() => sealer.open(NAME, 2, sealed));
  await refused(() => sealer.open(parseSecretName("LE_PRIVATE_KEY2"), 1, sealed), "LE_PRIVATE_KEY2");
});

Deno.test("open() refuses every altered byte, and every truncation", async () => {
  const sealer = await makeSealer(KEY);
  const sealed = await sealer.seal(NAME, 1, VALUE);
  for (let at = 0; at < sealed.length; at++) {
    const altered = sealed.slice();
    altered[at] = (altered[at] ?? 0) ^ 1;
    await refused(() => sealer.open(NAME, 1, altered));
    await refused(() => sealer.open(NAME, 1, sealed.slice(0, at)));
  }
});

Deno.test("open() leaves the sealed bytes alone", async () => {
  const sealer = await makeSealer(KEY);
  const sealed = await sealer.seal(NAME, 1, VALUE);
  const copy = sealed.slice();
  await sealer.open(NAME, 1, sealed);
  assertEquals(sealed, copy);
  assertNotEquals(sealed.length, 0);
});

for (const [key, why] of [["", "0"], ["short", "5"], ["k".repeat(31), "31"]] as const) {
  Deno.test(`makeSealer() refuses a VAULT_KEY of ${why} characters, and does not quote it`, async () => {
    const error = await assertRejects(() => makeSealer(key), InputError, `${why} characters`);
    assertEquals(error.field, "VAULT_KEY");
    assert(key === "" || !describe(error).includes(key));
  });
}

async function refused(open: () => Promise<string>, name = "LE_PRIVATE_KEY"): Promise<void> {
  const error = await assertRejects(open, SidecarError, `the secret ${name}:`);
  assertEquals([error.code, error.field], ["VAULT_KEY", "VAULT_KEY"]);
  assert(!describe(error).includes("grüße") && !describe(error).includes(KEY));
}

function independent(
  key: string,
  name: VaultName,
  version: number,
): { readonly key: Uint8Array; readonly aad: Buffer } {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(version));
  const info = "kontena-certificates vault AES-256-GCM 1";
  return {
    key: new Uint8Array(hkdfSync("sha256", key, "", info, 32)),
    aad: Buffer.concat([Buffer.of(1), Buffer.from(name), Buffer.of(0), number]),
  };
}

function sealIndependently(text: string, name: VaultName, version: number, value: string): Uint8Array {
  const { key, aad } = independent(text, name, version);
  const iv = crypto.getRandomValues(Buffer.alloc(12));
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(aad);
  const box = [cipher.update(value, "utf8"), cipher.final()];
  return new Uint8Array(Buffer.concat([Buffer.of(1), iv, ...box, cipher.getAuthTag()]));
}

function openIndependently(text: string, name: VaultName, version: number, sealed: Uint8Array): string {
  const { key, aad } = independent(text, name, version);
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(1, 13));
  decipher.setAAD(aad).setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(13, -16)), decipher.final()]).toString("utf8");
}
