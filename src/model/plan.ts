import { type DnsName, sameNames } from "./dns_name.ts";
import type { AttemptRecord, CertificateRecord, Intent } from "./records.ts";
import { renewalTimes } from "./renewal.ts";
import { REVOCATION_REASONS } from "./revocation.ts";
import type { SecretName } from "./secret_name.ts";

/** What is known when the keeper looks. */
export interface Situation {
  /** Declared in `CERTIFICATES`. */
  readonly declared: readonly Intent[];
  /** In the vault. */
  readonly held: readonly CertificateRecord[];
  /** Names that can be proven again without a person. */
  readonly provable: (name: DnsName) => boolean;
  /** How earlier attempts went. */
  readonly attempts: ReadonlyMap<SecretName, AttemptRecord>;
  /** The moment that is judged. */
  readonly now: Date;
}

/** What to do about one certificate. */
export type Planned =
  & { readonly intent: Intent }
  & (
    | { readonly do: "issue"; readonly why: "missing" | "changed" | "revoked" | "due" }
    | { readonly do: "wait"; readonly until: Date; readonly why: "fresh" | "backoff" }
    | { readonly do: "ask"; readonly why: "by hand" } // due, but a person has to set a record or bring another
    | { readonly do: "ask"; readonly why: "ceased" } // revoked for good, and still there
  );

/**
 * Decides what every certificate needs: declared ones that are missing or whose names changed, and all that are due.
 * Pure: the same situation gives the same plan. Most urgent first.
 */
export function plan(situation: Situation): readonly Planned[] {
  const { declared, held } = situation;
  const bySecret = new Map(held.map((record) => [record.intent.secretName, record]));
  const names = new Set(declared.map((intent) => intent.secretName));
  const others = held.filter((record) => !names.has(record.intent.secretName)).map((record) => record.intent);
  const declaredSet = new Set<Intent>(declared);
  const urgency = ({ intent }: Planned): number => bySecret.get(intent.secretName)?.facts.notAfter.getTime() ?? 0;
  return [...declared, ...others]
    .map((intent) => planOne(intent, bySecret.get(intent.secretName), declaredSet.has(intent), situation))
    .sort((a, b) => urgency(a) - urgency(b));
}

function planOne(
  intent: Intent,
  record: CertificateRecord | undefined,
  declared: boolean,
  { attempts, provable, now }: Situation,
): Planned {
  if (isCeased(record)) return { intent, do: "ask", why: "ceased" };
  const why = reason(intent, record, now);
  if (why === "fresh") return { intent, do: "wait", why, until: renewalTimes(record!.facts).renewAt };
  if (!declared && !intent.names.every(provable)) return { intent, do: "ask", why: "by hand" };
  const nextAt = attempts.get(intent.secretName)?.nextAt;
  if (nextAt !== undefined && nextAt > now) return { intent, do: "wait", why: "backoff", until: nextAt };
  return { intent, do: "issue", why };
}

function reason(
  intent: Intent,
  record: CertificateRecord | undefined,
  now: Date,
): "missing" | "changed" | "revoked" | "due" | "fresh" {
  if (record === undefined) return "missing";
  // The kind of an imported key was its maker's choice: it is no reason to throw the certificate away.
  const sameKey = record.origin === "imported" || record.intent.keyType === intent.keyType;
  if (!sameKey || !sameNames(record.intent.names, intent.names)) return "changed";
  if (record.revoked !== undefined) return "revoked";
  return renewalTimes(record.facts).renewAt <= now ? "due" : "fresh";
}

function isCeased(record: CertificateRecord | undefined): boolean {
  return record?.revoked !== undefined && !REVOCATION_REASONS[record.revoked.reason].replaced;
}
