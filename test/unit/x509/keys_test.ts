import { assert, assertEquals, assertRejects } from "@std/assert";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { InputError } from "../../../src/model/errors.ts";
import type { KeyType } from "../../../src/model/key_type.ts";
import { generateKey, importKey, type KeyPair } from "../../../src/x509/keys.ts";
import { writePem } from "../../../src/x509/pem.ts";
import { readableRsaKey } from "../../support/rsa_key.ts";

const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const P256 = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const P384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;

const pem = (key: KeyObject, type: "pkcs8" | "pkcs1" | "sec1"): string => String(key.export({ type, format: "pem" }));

for (
  const [type, algorithm] of [
    ["ec-256", { name: "ECDSA", namedCurve: "P-256" }],
    ["ec-384", { name: "ECDSA", namedCurve: "P-384" }],
    ["rsa-2048", { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, hash: { name: "SHA-256" } }],
    ["rsa-3072", { name: "RSASSA-PKCS1-v1_5", modulusLength: 3072, hash: { name: "SHA-256" } }],
  ] as const
) {
  Deno.test(`generateKey() makes a key of type ${type} that importKey() reads back`, async () => {
    const made = await generateKey(type);
    const read = await importKey(made.pem);
    for (const pair of [made, read]) {
      assertEquals(pair.type, type);
      assertEquals({ ...pair.privateKey.algorithm, ...algorithm }, pair.privateKey.algorithm as typeof algorithm);
    }
    assertEquals(read.pem, made.pem);
    assert(await fit(made, read) && await fit(read, made));
    assert(made.pem.startsWith("-----BEGIN PRIVATE KEY-----\n") && made.pem.endsWith("\n-----END PRIVATE KEY-----\n"));
  });
}

for (
  const [why, text, type, canonical] of [
    ["PKCS#8", pem(P256, "pkcs8"), "ec-256", pem(P256, "pkcs8")],
    ["PKCS#8 on P-384", pem(P384, "pkcs8"), "ec-384", pem(P384, "pkcs8")],
    ["PKCS#1", pem(RSA, "pkcs1"), "rsa-2048", pem(RSA, "pkcs8")],
    ["SEC1", pem(P256, "sec1"), "ec-256", pem(P256, "pkcs8")],
    [
      "SEC1 behind its parameters",
      writePem("EC PARAMETERS", Uint8Array.of(6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7)) + pem(P256, "sec1"),
      "ec-256",
      pem(P256, "pkcs8"),
    ],
    ["a text that the vault has stripped", pem(RSA, "pkcs1").trim(), "rsa-2048", pem(RSA, "pkcs8")],
    [
      "CRLF and white space around",
      `\r\n  ${pem(P256, "sec1").replaceAll("\n", "\r\n")}  `,
      "ec-256",
      pem(P256, "pkcs8"),
    ],
  ] satisfies readonly (readonly [string, string, KeyType, string])[]
) {
  Deno.test(`importKey() reads ${why}`, async () => {
    const key = await importKey(text);
    assertEquals(key.type, type as KeyType);
    assertEquals(key.pem.replace(/\n$/, ""), canonical.trim());
    assert(await fit(key, key));
  });
}

Deno.test("importKey() files an RSA key between two lengths under the shorter one", async () => {
  assertEquals((await importKey(readableRsaKey(2304))).type, "rsa-2048");
  assertEquals((await importKey(readableRsaKey(4096))).type, "rsa-4096");
});

const P521 = generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey;
const ED25519 = generateKeyPairSync("ed25519").privateKey;
const ENCRYPTED = String(P256.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }));

for (
  const [why, text, message] of [
    ["an RSA key of 1024 bits", readableRsaKey(1024), "it is RSA with 1024 bits"],
    ["an RSA key of 4224 bits", readableRsaKey(4224), "it is RSA with 4224 bits"],
    ["another curve", pem(P521, "pkcs8"), "it is EC on P-521"],
    [
      "secp256k1",
      pem(generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey, "sec1"),
      "it is EC on secp256k1",
    ],
    ["another type", pem(ED25519, "pkcs8"), "it is of type ed25519"],
    ["an encrypted key", ENCRYPTED, "it is encrypted"],
    ["an encrypted key of old", pem(P256, "sec1").replace("\n", "\nProc-Type: 4,ENCRYPTED\n\n"), "header lines"],
    ["a certificate", writePem("CERTIFICATE", Uint8Array.of(1)), "it is a certificate"],
    ["a public key", writePem("PUBLIC KEY", Uint8Array.of(1)), "it is a public key"],
    ["another label", writePem("HUNTER TWO KEY", Uint8Array.of(1)), "it is PEM of another kind"],
    ["two keys", pem(P256, "pkcs8") + pem(P384, "pkcs8"), "there are 2 PEM blocks"],
    ["parameters alone", writePem("EC PARAMETERS", Uint8Array.of(1)), "only EC PARAMETERS"],
    [
      "a wrong label",
      pem(P256, "pkcs8").replaceAll("PRIVATE", "RSA PRIVATE"),
      "the content of its PEM block is not a key",
    ],
    ["a cut off key", pem(P256, "pkcs8").slice(0, 150), "cut off"],
    ["garbage", "hunter2hunter2hunter2", "something other than PEM"],
    ["nothing", "", "it is empty"],
  ] as const
) {
  Deno.test(`importKey() refuses ${why} and quotes nothing of it`, async () => {
    const error = await assertRejects(() => importKey(text, "LE_PRIVATE_KEY"), InputError, message);
    assertEquals(error.field, "LE_PRIVATE_KEY");
    assert(error.todo !== undefined && error.cause === undefined);
    assertEquals(shared(text, `${error.message} ${error.todo}`), undefined);
  });
}

async function fit({ privateKey }: KeyPair, { publicKey }: KeyPair): Promise<boolean> {
  const [algorithm, data] = [{ name: privateKey.algorithm.name, hash: "SHA-256" }, new Uint8Array(8)];
  return await crypto.subtle.verify(algorithm, publicKey, await crypto.subtle.sign(algorithm, privateKey, data), data);
}

/** A piece of 8 characters that both texts hold, PEM's own words aside. */
function shared(secret: string, told: string): string | undefined {
  const body = secret.replaceAll(/-----[A-Z0-9 ]*-----/g, "").replaceAll(/\s/g, "");
  return Array.from(body, (_, i) => body.slice(i, i + 8)).find((piece) => piece.length === 8 && told.includes(piece));
}
