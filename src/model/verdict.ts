/**
 * What may become of a certificate that shall take the place of another one, and the reasons, as data.
 *
 * @module
 */

/** What is known of a reason beforehand. */
interface Refusal {
  /** A person may take the certificate all the same: it is sound, and only worse than the one before. */
  readonly overridable: boolean;
  /** What to do, in a sentence without a period. */
  readonly todo: string;
}

const TELL_CA = "tell the CA; another certificate is asked for by itself";

/** Why a certificate is kept aside. The names never change: they stand in the ledger, the API and the metrics. */
export const REFUSALS = {
  "unreadable": { overridable: false, todo: TELL_CA },
  "wrong-key": { overridable: false, todo: TELL_CA },
  "chain-order": { overridable: false, todo: TELL_CA },
  "chain-broken": { overridable: false, todo: TELL_CA },
  "wrong-names": { overridable: false, todo: TELL_CA },
  "expired": { overridable: false, todo: "compare this machine's clock with the CA's" },
  "not-yet-valid": { overridable: false, todo: "compare this machine's clock with the CA's" },
  "weak-key": {
    overridable: false,
    todo: "use a CA whose keys are EC on P-256 or better, or RSA with 2048 bits or more",
  },
  "weak-signature": { overridable: false, todo: "use a CA that signs over SHA-256 or better" },
  "no-server-auth": { overridable: false, todo: "set ACME_PROFILE to one for TLS servers" },
  "chain-missing": { overridable: true, todo: "set ACME_PREFERRED_CHAIN to an issuer that the CA offers" },
  "staging-over-production": { overridable: true, todo: "set ACME_DIRECTORY_URL to the CA's production directory" },
  "private-over-public": { overridable: true, todo: "set ACME_DIRECTORY_URL to the CA that issued the one in use" },
  "ends-earlier": { overridable: true, todo: "wait: another one is asked for by itself before the one in use ends" },
} as const satisfies Readonly<Record<string, Refusal>>;

/** What is told of a certificate that is taken all the same, and what to do about it. */
export const WARNINGS = {
  "shorter-lifetime": "renew unattended: the dates of renewal go by the new lifetime",
  "client-auth-lost": "servers that show it to other servers as clients need a certificate of a private CA for that",
  "issuer-changed": "clients that pin the former issuer, and CAA records, have to know the new one",
  "names-dropped":
    "point these names elsewhere or get a certificate for them: until then clients get another one for them, or none",
  "key-type-changed": "clients that know only the former kind of key do not connect any more; KEY_TYPE sets it",
} as const satisfies Readonly<Record<string, string>>;

/** The name of a reason to keep aside. */
export type RefusalName = keyof typeof REFUSALS;

/** The name of anything that was found. */
export type FindingName = RefusalName | keyof typeof WARNINGS;

/** One thing that was found. */
export interface Finding<N extends FindingName = FindingName> {
  /** Stable name. */
  readonly name: N;
  /** What was found, in a sentence without a period; no secrets. */
  readonly found: string;
}

/** A reason to keep a certificate aside. */
export type Reason = Finding<RefusalName>;

/** What to do with a certificate. */
export type Verdict =
  | { readonly do: "swap" }
  | { readonly do: "swap with warnings"; readonly warnings: readonly [Finding, ...Finding[]] }
  | {
    readonly do: "keep aside";
    readonly reasons: readonly [Reason, ...Reason[]];
    readonly warnings: readonly Finding[];
    /** It is only too early: nothing is wrong with it from this instant on. */
    readonly waitUntil?: Date;
  };

/** What to do about a finding. */
export function todoOf(name: FindingName): string {
  return isRefusal(name) ? REFUSALS[name].todo : WARNINGS[name];
}

/** Tells whether a person may take the certificate all the same. */
export function isOverridable(reasons: readonly Reason[]): boolean {
  return reasons.every(({ name }) => REFUSALS[name].overridable);
}

/** All names, for readers of records. */
export const FINDING_NAMES = [...Object.keys(REFUSALS), ...Object.keys(WARNINGS)] as readonly FindingName[];

/** Tells reasons from warnings. */
export function isRefusal(name: FindingName): name is RefusalName {
  return Object.hasOwn(REFUSALS, name);
}
