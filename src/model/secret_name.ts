import type { Branded } from "./brand.ts";
import { type DnsName, isWildcard } from "./dns_name.ts";
import { InputError } from "./errors.ts";

/** The name of a secret as Kontena's vault takes it: letters, digits, `_`, `-`, not starting with `-`. */
export type SecretName = Branded<"SecretName">;

/** The name of a sealed record that `vault list` does not show; it starts with a dot, which no secret's name can. */
export type InternalName = Branded<"InternalName">;

/** Everything a vault can keep a value under. */
export type VaultName = SecretName | InternalName;

const ORDER_KEY = ".order-key.";
const BUNDLE = "_BUNDLE";
const SECRET_NAME = /^(?!-)[A-Za-z0-9_-]+$/;

/** The longest name that {@linkcode parseSecretName} takes. */
export const MAX_SECRET_NAME = 200;

/** The secret that holds the ACME account key, as the original named it. */
export const ACCOUNT_KEY: SecretName = "LE_PRIVATE_KEY" as SecretName;

/**
 * Reads the name of a secret.
 *
 * @throws {InputError} If it holds another character, or is longer than 200.
 */
export function parseSecretName(input: string, field = "name"): SecretName {
  if (!SECRET_NAME.test(input) || input.length > MAX_SECRET_NAME) {
    const shown = JSON.stringify(input.length > 60 ? `${input.slice(0, 57)}...` : input);
    throw new InputError(
      field,
      `Name isn't in the right format: ${input.startsWith("-----BEGIN") ? "a PEM text" : shown}`,
      `use letters, digits, _ and -, at most ${MAX_SECRET_NAME}, not starting with -`,
    );
  }
  return input as SecretName;
}

/** The sealed record for the private key of an order in flight. */
export function orderKeyName(orderId: string): InternalName {
  return `${ORDER_KEY}${orderId}` as InternalName;
}

/** The sealed record for a certificate that was not taken: its chain as it came, and its key. */
export function asideName(base: SecretName): InternalName {
  return `.aside.${base}` as InternalName;
}

/** The sealed record for the account key that is to follow {@linkcode ACCOUNT_KEY}: made before the CA hears of it. */
export const NEXT_ACCOUNT_KEY: InternalName = ".account-key.next" as InternalName;

/** What an entry of the outbox is sealed as: it cannot stand in for another one, nor for a secret. */
export function outboxName(id: string): InternalName {
  return `.outbox.${id}` as InternalName;
}

/** Tells whether `vault list` may show it. */
export function isSecretName(name: VaultName): name is SecretName {
  return !name.startsWith(".");
}

/**
 * The base of a certificate's secrets where `--secret-name` is not given: dots become `_`, `*.` becomes `STAR_`.
 *
 * @example
 * ```ts
 * import { defaultSecretName, parseDnsName } from "@kontena/certificates";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(defaultSecretName(parseDnsName("my-site.co.uk")), "LE_CERTIFICATE_my-site_co_uk");
 * ```
 */
export function defaultSecretName(subject: DnsName): SecretName {
  const plain = isWildcard(subject) ? `STAR_${subject.slice(2)}` : subject;
  return `LE_CERTIFICATE_${plain.replaceAll(".", "_")}` as SecretName;
}

/**
 * The secret that holds the tls-sni-01 challenge certificate for a name and its key, as the original named it.
 *
 * @example
 * ```ts
 * import { parseDnsName, sniSecretName } from "@kontena/certificates";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(sniSecretName(parseDnsName("example.com")), "LE_TLS_SNI_example_com");
 * ```
 */
export function sniSecretName(name: DnsName): SecretName {
  return `LE_TLS_SNI_${name.replaceAll(".", "_")}` as SecretName;
}

/** The three secrets of a certificate, in the order in which the original names them. */
export interface CertificateSecrets {
  /** Base + `_PRIVATE_KEY`. */
  readonly privateKey: SecretName;
  /** Base + `_CERTIFICATE`. */
  readonly certificate: SecretName;
  /** Base + `_BUNDLE`. */
  readonly bundle: SecretName;
}

/** Names the three secrets of the certificate that is kept under `base`. */
export function certificateSecrets(base: SecretName): CertificateSecrets {
  return {
    privateKey: `${base}_PRIVATE_KEY` as SecretName,
    certificate: `${base}_CERTIFICATE` as SecretName,
    bundle: `${base}${BUNDLE}` as SecretName,
  };
}

/** The base of a certificate's secrets, by the name of its bundle; undefined for any other name. */
export function bundleBase(name: VaultName): SecretName | undefined {
  return isSecretName(name) && name.endsWith(BUNDLE) ? name.slice(0, -BUNDLE.length) as SecretName : undefined;
}

/** The file of a certificate in a balancer's directory. */
export function bundleFile(base: SecretName): string {
  return `${base}.pem`;
}

/** The base of the secrets whose {@linkcode bundleFile} that is. */
export function secretOf(file: string): SecretName {
  return file.replace(/\.pem$/, "") as SecretName;
}
