import { type Bundle, bundlePem, certificatePem, type CertType } from "../model/certificate.ts";
import { SidecarError } from "../model/errors.ts";
import { certificateSecrets, type SecretName, type VaultName } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import type { Call, Secret, SecretWrite, Vault } from "../ports.ts";
import { normaliseValue } from "./value.ts";

/**
 * The three secrets of a certificate, to be written by one `Vault.write`. The bundle comes last: in a vault without
 * transactions it is the commit point.
 *
 * @param base Base of the secrets' names.
 * @param bundle Key and chain; its checks are behind it.
 * @param certType What `_CERTIFICATE` holds. Where that part of the chain is empty it holds the leaf: no secret is blank.
 */
export function bundleWrites(base: SecretName, bundle: Bundle, certType: CertType): readonly SecretWrite[] {
  const names = certificateSecrets(base);
  return [
    { name: names.privateKey, value: bundle.keyPem },
    { name: names.certificate, value: shownPem(bundle, certType) },
    { name: names.bundle, value: bundlePem(bundle) },
  ];
}

/** Reads the bundle's PEM text, with the final newline that vaults strip; undefined where there is none. */
export async function readStoredBundle(vault: Vault, base: SecretName, call: Call): Promise<string | undefined> {
  const secret = await vault.read(certificateSecrets(base).bundle, call);
  return secret === undefined ? undefined : `${secret.value}\n`;
}

/** Reads the texts of the versions before, newest first, as {@linkcode readStoredBundle} reads the current one. */
export async function readEarlierBundles(vault: Vault, base: SecretName, call: Call): Promise<readonly string[]> {
  return (await vault.history(certificateSecrets(base).bundle, call)).map(({ value }) => `${value}\n`);
}

/** A secret as a vault has it, or why it cannot be opened any more. */
export type StoredSecret = Secret | SidecarError;

/** The three secrets of a certificate as a vault has them. */
export interface StoredSecrets {
  /** PKCS#8 PEM. */
  readonly privateKey?: StoredSecret;
  /** The part of the chain that `--cert-type` chose. */
  readonly certificate?: StoredSecret;
  /** Leaf, intermediates, key. */
  readonly bundle?: StoredSecret;
}

/** Reads the three secrets of a certificate, for {@linkcode repairWrites}; one that was altered is told as such. */
export async function readStoredSecrets(vault: Vault, base: SecretName, call: Call): Promise<StoredSecrets> {
  const names = certificateSecrets(base);
  return {
    ...given("privateKey", await readSecret(vault, names.privateKey, call)),
    ...given("certificate", await readSecret(vault, names.certificate, call)),
    ...given("bundle", await readSecret(vault, names.bundle, call)),
  };
}

/** Reads a secret, or tells why it cannot be opened; a vault that is out of reach rejects as ever. */
export async function readSecret(vault: Vault, name: VaultName, call: Call): Promise<StoredSecret | undefined> {
  try {
    return await vault.read(name, call);
  } catch (error) {
    if (error instanceof SidecarError && error.code === "VAULT_KEY") return error;
    throw error;
  }
}

/**
 * The writes that mend `_PRIVATE_KEY` and `_CERTIFICATE` where they disagree with the bundle: a vault without transactions
 * can lose the process in between. None where all agree, where there is no bundle, or where the bundle is not one key with
 * certificates. Each write expects the version that was read, so that it never undoes a newer one; what cannot be opened has
 * none that is known.
 *
 * @param base Base of the secrets' names.
 * @param stored What is in the vault.
 * @param certType What `_CERTIFICATE` holds.
 */
export function repairWrites(base: SecretName, stored: StoredSecrets, certType: CertType): readonly SecretWrite[] {
  if (stored.bundle === undefined || stored.bundle instanceof Error) return [];
  const bundle = readParts(stored.bundle.value);
  if (bundle === undefined) return [];
  const names = certificateSecrets(base);
  return [
    ...mend(names.privateKey, stored.privateKey, bundle.keyPem),
    ...mend(names.certificate, stored.certificate, shownPem(bundle, certType)),
  ];
}

/** The PEM blocks of a bundle. */
type Parts = Pick<Bundle, "certificates" | "keyPem">;

function mend(name: SecretName, found: StoredSecret | undefined, value: string): readonly SecretWrite[] {
  if (found instanceof Error) return [{ name, value }];
  if (found?.value === normaliseValue(value)) return [];
  return [{ name, value, ifVersion: found?.version ?? 0 }];
}

function shownPem(bundle: Parts, type: CertType): string {
  return certificatePem(bundle, type) || certificatePem(bundle, "cert");
}

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n[A-Za-z0-9+/=\s]*-----END \1-----/g;

function readParts(text: string): Parts | undefined {
  const blocks = [...text.matchAll(PEM_BLOCK)].map(([pem, label = ""]) => ({ label, pem: `${pem}\n` }));
  const [leaf, ...chain] = blocks.filter(({ label }) => label === "CERTIFICATE").map(({ pem }) => pem);
  const [key, ...others] = blocks.filter(({ label }) => label.endsWith("PRIVATE KEY")).map(({ pem }) => pem);
  if (leaf === undefined || key === undefined || others.length > 0) return undefined;
  return { certificates: [leaf, ...chain], keyPem: key };
}
