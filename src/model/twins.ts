/**
 * Certificates that come in two kinds: where `KEY_TYPE` names two, the second kind is a certificate of its own beside the
 * first, for the same names, and a balancer that has both serves each client what it can take.
 *
 * @module
 */
import { sameNames } from "./dns_name.ts";
import { KEY_TYPES, type KeyTypes, sameAlgorithm } from "./key_type.ts";
import type { CertificateRecord, Intent } from "./records.ts";
import { MAX_SECRET_NAME, type SecretName } from "./secret_name.ts";

/** What each algorithm appends to the secret name of the certificate that owns the plain one. */
const SUFFIXES = { EC: "_ECDSA", RSA: "_RSA" } as const satisfies Record<string, string>;

/** The secret names that the twin of a certificate may have. */
export function twinNames(base: SecretName): readonly SecretName[] {
  return Object.values(SUFFIXES).map((suffix) => `${base}${suffix}` as SecretName);
}

/**
 * What is wanted beside a certificate: the configured kind whose algorithm it does not have.
 *
 * @returns Undefined where only one kind is configured, for a twin itself, and where the secret's name would be too long.
 */
export function twinFor(intent: Intent, keyTypes: KeyTypes): Intent | undefined {
  const [first, second] = keyTypes;
  if (second === undefined || intent.twinOf !== undefined) return undefined;
  const keyType = sameAlgorithm(intent.keyType, first) ? second : first;
  const secretName = `${intent.secretName}${SUFFIXES[KEY_TYPES[keyType].family]}` as SecretName;
  if (secretName.length > MAX_SECRET_NAME) return undefined;
  return { ...intent, keyType, secretName, twinOf: intent.secretName };
}

/** The twin that is held beside a certificate; one of the same algorithm is none. */
export function heldTwin(
  { intent }: CertificateRecord,
  all: readonly CertificateRecord[],
): CertificateRecord | undefined {
  return all.find((it) => it.intent.twinOf === intent.secretName && !sameAlgorithm(it.intent.keyType, intent.keyType));
}

/** Tells whether a second kind is brought about beside it. */
export function mayHaveTwin({ origin, revoked }: CertificateRecord): boolean {
  return origin === "ca" && revoked === undefined;
}

/** What decides which twins are wanted. */
export interface Pairs {
  /** Declared in `CERTIFICATES`. */
  readonly declared: readonly Intent[];
  /** In the vault. */
  readonly held: readonly CertificateRecord[];
  /** `KEY_TYPE`. */
  readonly keyTypes: KeyTypes;
}

/**
 * The twins that are wanted. None before its first kind is held as it is wanted: a CA may hand back the same order for the
 * same names, and what fails for the one would fail for the other. None beside an imported certificate: a person chose that;
 * none beside a revoked one: it is replaced first, or nobody wants any.
 */
export function wantedTwins({ declared, held, keyTypes }: Pairs): readonly Intent[] {
  if (keyTypes[1] === undefined) return [];
  const declaredAs = new Map(declared.map((intent) => [intent.secretName, intent]));
  const bySecret = new Map(held.map((record) => [record.intent.secretName, record]));
  return held.flatMap((record) => {
    const intent = declaredAs.get(record.intent.secretName) ?? record.intent;
    if (!mayHaveTwin(record) || isChanged(record.intent, intent)) return [];
    const twin = twinFor(intent, keyTypes);
    if (twin === undefined) return [];
    const there = bySecret.get(twin.secretName)?.intent;
    // A name that is somebody else's is not taken over.
    return there === undefined || there.twinOf === twin.twinOf ? [twin] : [];
  });
}

/**
 * Twins that nobody wants: the first kind is gone, was replaced by a person's own certificate, or has come to the same
 * algorithm, where two would get into each other's way.
 */
export function surplusTwins(held: readonly CertificateRecord[]): readonly CertificateRecord[] {
  const bySecret = new Map(held.map((record) => [record.intent.secretName, record]));
  return held.filter(({ intent: { twinOf, keyType } }) => {
    if (twinOf === undefined) return false;
    const first = bySecret.get(twinOf);
    return first === undefined || first.origin === "imported" || sameAlgorithm(first.intent.keyType, keyType);
  });
}

/** Tells whether something else is wanted than before, as far as the CA makes it. */
export function isChanged(before: Intent, intent: Intent): boolean {
  return before.keyType !== intent.keyType || !sameNames(before.names, intent.names);
}
