import type { Target } from "../model/balancer_plan.ts";
import { bundlePem } from "../model/certificate.ts";
import { describe, isVaultAway } from "../model/errors.ts";
import { KEY_TYPES, type KeyFamily } from "../model/key_type.ts";
import type { CertificateRecord, DeploymentRecord, Intent } from "../model/records.ts";
import { certificateSecrets, type SecretName } from "../model/secret_name.ts";
import { isRefused } from "../model/stand_in.ts";
import { readEarlierBundles, readStoredBundle } from "../vault/certificate_secrets.ts";
import type { Call, SecretEntry, Vault } from "../ports.ts";
import { leafDer, readBundle } from "../x509/bundle.ts";
import { importKey } from "../x509/keys.ts";
import { departures, type Kept } from "./departures.ts";
import type { FlowParts } from "./parts.ts";

/** A certificate that the vault holds, and where it shall be served. */
export interface HeldTarget extends Target {
  /** The balancers. */
  readonly balancers: readonly string[];
}

/** What the balancers shall serve, by vault and ledger at one moment. */
export interface Targets {
  /** What the vault holds. */
  readonly held: readonly HeldTarget[];
  /** The versions before, newest first, of what a balancer has refused; left out where the vault cannot tell now. */
  readonly earlier: ReadonlyMap<SecretName, readonly Target[]>;
  /** What stands in the vault in a certificate's place and cannot be served, with the reason: it is left alone. */
  readonly unreadable: ReadonlyMap<SecretName, string>;
  /** What is written down. */
  readonly deployments: readonly DeploymentRecord[];
  /**
   * What each balancer was given and has no business there any more: nobody holds it or is about to bring it back, or other
   * balancers serve it in the place of this one.
   */
  readonly gone: ReadonlyMap<string, ReadonlySet<SecretName>>;
}

/** Reads {@linkcode Targets}. */
export interface TargetReader {
  /** All; a bundle is unsealed only when it was written since it was read last. */
  all(call: Call): Promise<Targets>;
  /** Those of some certificates, which may have been written at this very moment. */
  some(names: ReadonlySet<SecretName>, call: Call): Promise<Targets>;
  /** Tells whether a balancer was seen that gives the certificate up as soon as others serve it. */
  isAwaited(secretName: SecretName): boolean;
}

/** What the bundle itself tells of a target. */
type BundleTarget = Omit<Target, "family">;

/** What is known of a stored bundle, until its secret is written again. */
type Known =
  & { readonly stamp: string }
  & (
    | { readonly target: BundleTarget }
    | { readonly fault: string }
  );

/**
 * Makes a {@linkcode TargetReader}.
 *
 * @param declared Certificates that are brought back where their bundle is gone: the balancers keep them until then.
 */
export function targetReader(parts: FlowParts, declared: readonly Intent[]): TargetReader {
  const { vault, records } = parts;
  const departing = departures(parts, declared);
  const cache = new Map<SecretName, Known>();
  const former = new WeakMap<Known, readonly Target[]>();

  /** Undefined where the vault has no bundle. */
  const lookAt = async (secretName: SecretName, stamp: string, call: Call): Promise<Known | undefined> => {
    const stored = await readStoredBundle(vault, secretName, call);
    if (stored === undefined) return void cache.delete(secretName);
    const known = { stamp, ...await readTarget(secretName, stored) };
    cache.set(secretName, known);
    return known;
  };

  /** Unsealed only where a balancer has refused the newest, and then once. */
  const earlierOf = async (
    about: readonly (readonly [CertificateRecord, Known | undefined])[],
    deployments: readonly DeploymentRecord[],
    call: Call,
  ): Promise<Targets["earlier"]> => {
    const refused = deployments.filter((it) => it.state === "held" && isRefused(it)).map((it) => it.secretName);
    const names = new Set(refused);
    const found = new Map<SecretName, readonly Target[]>();
    for (const [{ intent: { secretName } }, known] of about) {
      if (known === undefined || !("target" in known) || !names.has(secretName)) continue;
      const earlier = former.get(known) ?? await readEarlier(vault, secretName, call);
      if (earlier === undefined) continue;
      former.set(known, earlier);
      found.set(secretName, earlier);
    }
    return found;
  };

  const targets = async (
    about: readonly (readonly [CertificateRecord, Known | undefined])[],
    deployments: readonly DeploymentRecord[],
    call: Call,
  ): Promise<Targets> => {
    const held: HeldTarget[] = [];
    const unreadable = new Map<SecretName, string>();
    const kept = new Map<SecretName, Kept>();
    for (const [{ intent }, known] of about) {
      const { secretName, balancers, keyType } = intent;
      if (known === undefined) continue;
      kept.set(secretName, "target" in known ? { intent, fingerprint: known.target.fingerprint } : { intent });
      if ("target" in known) held.push({ ...known.target, family: KEY_TYPES[keyType].family, balancers });
      else unreadable.set(secretName, known.fault);
    }
    const gone = departing.of(kept, deployments);
    return { held, earlier: await earlierOf(about, deployments, call), unreadable, deployments, gone };
  };

  return {
    isAwaited: (secretName) => departing.isAwaited(secretName),
    async all(call): Promise<Targets> {
      const stamps = new Map<string, string>((await vault.list(call)).map((entry) => [entry.name, stampOf(entry)]));
      const deployments = (await records.deployments.list(call)).map((entry) => entry.value);
      const about: (readonly [CertificateRecord, Known | undefined])[] = [];
      for (const { value: record } of await records.certificates.list(call)) {
        const { secretName } = record.intent;
        const stamp = stamps.get(certificateSecrets(secretName).bundle);
        const before = cache.get(secretName);
        const known = stamp === undefined || before?.stamp === stamp ? before : await lookAt(secretName, stamp, call);
        about.push([record, stamp === undefined ? undefined : known]);
      }
      const names = new Set(about.map(([{ intent }]) => intent.secretName));
      for (const name of cache.keys()) if (!names.has(name)) cache.delete(name);
      return await targets(about, deployments, call);
    },
    async some(names, call): Promise<Targets> {
      const rows = await Promise.all([...names].map((name) => records.certificates.get(name, call)));
      const about = await Promise.all(
        rows.flatMap((row) => row?.value ?? []).map(async (it) => {
          return [it, await lookAt(it.intent.secretName, "", call)] as const;
        }),
      );
      const deployments = (await records.deployments.list(call)).map((entry) => entry.value);
      return await targets(about, deployments.filter((it) => names.has(it.secretName)), call);
    },
  };
}

async function readTarget(
  secretName: SecretName,
  stored: string,
): Promise<{ readonly target: BundleTarget } | { readonly fault: string }> {
  try {
    const bundle = await readBundle(stored);
    const { facts: { fingerprint, notAfter, names }, certificates: [leaf] } = bundle;
    const digest = await digestOf(bundlePem(bundle));
    const sha1 = await sum("SHA-1", leafDer(leaf));
    return { target: { secretName, fingerprint, names, notAfter, digest, sha1 } };
  } catch (error) {
    return { fault: describe(error) };
  }
}

/** Undefined where the vault is away. */
async function readEarlier(vault: Vault, secretName: SecretName, call: Call): Promise<readonly Target[] | undefined> {
  const targets: Target[] = [];
  try {
    for (const stored of await readEarlierBundles(vault, secretName, call)) {
      const read = await readTarget(secretName, stored);
      if ("target" in read) targets.push({ ...read.target, family: await familyOf(stored), standsIn: true });
    }
  } catch (error) {
    if (isVaultAway(error)) return undefined;
    throw error;
  }
  return targets;
}

/** An earlier version may be of another kind than what is wanted now. */
async function familyOf(stored: string): Promise<KeyFamily> {
  return KEY_TYPES[(await importKey((await readBundle(stored)).keyPem)).type].family;
}

/** What a file is told by: SHA-256 of its text. */
export function digestOf(text: string): Promise<string> {
  return sum("SHA-256", new TextEncoder().encode(text));
}

async function sum(algorithm: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest(algorithm, bytes)).toHex();
}

/** What differs as soon as a secret was written again. */
export function stampOf({ createdAt, updatedAt }: SecretEntry): string {
  return `${createdAt.getTime()} ${updatedAt?.getTime() ?? ""}`;
}
