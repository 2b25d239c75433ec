import { InputError, SidecarError } from "../model/errors.ts";
import type { VaultName } from "../model/secret_name.ts";

/** Encrypts values for storage, bound to the secret's name and version: a record cannot stand in for another. */
export interface Sealer {
  /** Seals a value; each call gives other bytes. */
  seal(name: VaultName, version: number, value: string): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Opens what `seal` made for the same name and version.
   *
   * @throws {SidecarError} `VAULT_KEY` if the key is another one or a byte was altered.
   */
  open(name: VaultName, version: number, sealed: Uint8Array): Promise<string>;
}

/** First byte of each sealed value: AES-256-GCM under the HKDF key, 96-bit nonce, 128-bit tag. */
const FORMAT = 1;
const NONCE_BYTES = 12;
/** Binds the derived key to its one use (RFC 5869 §3.2). */
const KEY_INFO = "kontena-certificates vault AES-256-GCM 1";

const utf8 = new TextEncoder();

/**
 * Makes a sealer of the text `VAULT_KEY`: AES-256-GCM with a random nonce, under a key derived by HKDF-SHA-256.
 *
 * The derivation does not slow guessing down: the text must be random, not a password. Random nonces of 96 bits bound one
 * key to 2³² values (NIST SP 800-38D §8.3), far more than a vault writes.
 *
 * @param vaultKey Any text of 32 characters or more. Secret.
 * @throws {InputError} If it is shorter.
 */
export async function makeSealer(vaultKey: string): Promise<Sealer> {
  const key = await deriveKey(vaultKey);
  return {
    async seal(name: VaultName, version: number, value: string): Promise<Uint8Array<ArrayBuffer>> {
      const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
      const additionalData = boundTo(name, version);
      const box = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, utf8.encode(value));
      return joined(Uint8Array.of(FORMAT), iv, new Uint8Array(box));
    },
    async open(name: VaultName, version: number, sealed: Uint8Array): Promise<string> {
      if (sealed[0] !== FORMAT) throw unopened(name, "its format is not known");
      const iv = sealed.slice(1, 1 + NONCE_BYTES);
      const box = sealed.slice(1 + NONCE_BYTES);
      const additionalData = boundTo(name, version);
      try {
        const value = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, box);
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
      } catch (cause) {
        throw unopened(name, "VAULT_KEY is not the one it was sealed with, or the record was altered", cause);
      }
    },
  };
}

async function deriveKey(vaultKey: string): Promise<CryptoKey> {
  if (vaultKey.length < 32) {
    const found = `${vaultKey.length} characters`;
    throw new InputError(
      "VAULT_KEY",
      `VAULT_KEY has ${found}, the least is 32`,
      "make one by: openssl rand -base64 48",
    );
  }
  const material = await crypto.subtle.importKey("raw", utf8.encode(vaultKey), "HKDF", false, ["deriveKey"]);
  return await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: utf8.encode(KEY_INFO) },
    material,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}

/** Additional data: format, name, a zero byte (which no name holds), version as 64 bits, the highest first. */
function boundTo(name: VaultName, version: number): Uint8Array<ArrayBuffer> {
  const number = new DataView(new ArrayBuffer(8));
  number.setBigUint64(0, BigInt(version));
  return joined(Uint8Array.of(FORMAT), utf8.encode(name), Uint8Array.of(0), new Uint8Array(number.buffer));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function unopened(name: VaultName, why: string, cause?: unknown): SidecarError {
  return new SidecarError("VAULT_KEY", `Cannot open the secret ${name}: ${why}`, {
    cause,
    field: "VAULT_KEY",
    todo: "set VAULT_KEY to the text that this vault was made with, or restore the vault and its key from a backup",
  });
}
