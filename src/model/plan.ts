import { isResting } from "./attempt.ts";
import { type DnsName, sameNames } from "./dns_name.ts";
import { heldBy } from "./quarantine.ts";
import type { AttemptRecord, CertificateRecord, Intent, NameRecord } from "./records.ts";
import { type RenewalDate, renewalDate, type RenewalReason } from "./renewal.ts";
import { drawOf, type RenewalRecord } from "./renewal_record.ts";
import { REVOCATION_REASONS } from "./revocation.ts";
import type { SecretName } from "./secret_name.ts";

/** What is known when the keeper looks. */
export interface Situation {
  /** Declared in `CERTIFICATES`. */
  readonly declared: readonly Intent[];
  /** The second kinds that are wanted beside what is held. */
  readonly twins?: readonly Intent[];
  /** In the vault. */
  readonly held: readonly CertificateRecord[];
  /** Names that can be proven without a person: again, or as a declared certificate's. */
  readonly provable: (name: DnsName, declared?: Intent) => boolean;
  /** How earlier attempts went. */
  readonly attempts: ReadonlyMap<SecretName, AttemptRecord>;
  /** Names that failed at the CA. */
  readonly names: ReadonlyMap<DnsName, NameRecord>;
  /** What the CA said about renewal. */
  readonly renewals: ReadonlyMap<SecretName, RenewalRecord>;
  /** The moment that is judged, at our clock: for what rests. */
  readonly now: Date;
  /** The same moment at the CA's clock: for certificates, whose dates are the CA's. */
  readonly caNow: Date;
}

/** What to do about one certificate. */
export type Planned =
  & { readonly intent: Intent }
  & (
    | { readonly do: "issue"; readonly why: "missing" | "changed" | "revoked" | RenewalReason }
    | { readonly do: "wait"; readonly until: Date; readonly why: "fresh" | "backoff" | "quarantine" }
    | { readonly do: "ask"; readonly why: "by hand" } // due, but a person has to set a record or bring another
    | { readonly do: "ask"; readonly why: "quarantine" } // the CA does not take one of its names
    | { readonly do: "ask"; readonly why: "ceased" } // revoked for good, and still there
  );

/**
 * Decides what every certificate needs: declared ones that are missing or whose names changed, and all that are due.
 * Pure: the same situation gives the same plan. Most urgent first: what the CA has recalled, what is missing, then by the end
 * of validity; a second kind that is missing comes last, as its names are served. What waits comes after all that, in no
 * order: mostly that is everything, and there may be a hundred thousand.
 */
export function plan(situation: Situation): readonly Planned[] {
  const { declared, twins = [], held } = situation;
  const wanted = [...declared, ...twins];
  const names = new Set(wanted.map((intent) => intent.secretName));
  const isWanted = ({ intent }: CertificateRecord): boolean => names.has(intent.secretName);
  const bySecret = new Map(held.filter(isWanted).map((record) => [record.intent.secretName, record]));
  const declaredNames = new Set(declared.map((intent) => intent.secretName));
  const urgent: (readonly [number, Planned])[] = [];
  const waiting: Planned[] = [];
  const judge = (intent: Intent, record: CertificateRecord | undefined): void => {
    const planned = planOne(intent, record, declaredNames.has(intent.twinOf ?? intent.secretName), situation);
    if (planned.do === "wait") waiting.push(planned);
    else urgent.push([urgency(planned, record), planned]);
  };
  for (const intent of wanted) judge(intent, bySecret.get(intent.secretName));
  for (const record of held) if (!isWanted(record)) judge(record.intent, record);
  const sorted = urgent.sort(([a], [b]) => a === b ? 0 : a - b).map(([, planned]) => planned);
  return [...sorted, ...waiting];
}

function urgency({ intent, why }: Planned, record: CertificateRecord | undefined): number {
  if (why === "recalled") return -Infinity;
  return record?.facts.notAfter.getTime() ?? (intent.twinOf === undefined ? 0 : Infinity);
}

/** When the certificate is renewed next by what is known; undefined where that is left to a person for good. */
export function nextRenewal(record: CertificateRecord, known: RenewalRecord | undefined): RenewalDate | undefined {
  if (isCeased(record)) return undefined;
  if (record.revoked !== undefined) return { at: record.revoked.at, why: "recalled" };
  return renewalDate(record.facts, drawOf(record, known));
}

function planOne(
  intent: Intent,
  record: CertificateRecord | undefined,
  declared: boolean,
  { attempts, names, provable, renewals, now, caNow }: Situation,
): Planned {
  if (isCeased(record)) return { intent, do: "ask", why: "ceased" };
  const found = reason(intent, record, renewals.get(intent.secretName), caNow);
  if (found instanceof Date) return { intent, do: "wait", why: "fresh", until: found };
  // A declared one that is not there yet is tried all the same: that tells what it lacks.
  const first = declared && (found === "missing" || found === "changed");
  const alone = (name: DnsName): boolean => provable(name, declared ? intent : undefined);
  if (!first && !intent.names.every(alone)) return { intent, do: "ask", why: "by hand" };
  const hold = heldBy(intent.names, names, now);
  if (hold !== undefined) {
    const { until } = hold;
    const why = "quarantine";
    return until === undefined ? { intent, do: "ask", why } : { intent, do: "wait", why, until };
  }
  const attempt = attempts.get(intent.secretName);
  const toldAt = recalledAt(found, record, renewals.get(intent.secretName), now.getTime() - caNow.getTime());
  if (isResting(attempt, now) && !isOverruled(attempt, toldAt)) {
    return { intent, do: "wait", why: "backoff", until: attempt!.nextAt! };
  }
  return { intent, do: "issue", why: found };
}

/** Why a certificate is to be issued, or until when it is fresh. */
function reason(
  intent: Intent,
  record: CertificateRecord | undefined,
  known: RenewalRecord | undefined,
  caNow: Date,
): "missing" | "changed" | "revoked" | RenewalReason | Date {
  if (record === undefined) return "missing";
  // The kind of an imported key was its maker's choice: it is no reason to throw the certificate away.
  const sameKey = record.origin === "imported" || record.intent.keyType === intent.keyType;
  if (!sameKey || !sameNames(record.intent.names, intent.names)) return "changed";
  if (record.revoked !== undefined) return "revoked";
  const { at, why } = renewalDate(record.facts, drawOf(record, known));
  return at.getTime() <= caNow.getTime() ? why : at;
}

/** When it became known that the certificate has to go, at our clock; undefined where it has not. */
function recalledAt(
  why: "missing" | "changed" | "revoked" | RenewalReason,
  record: CertificateRecord | undefined,
  known: RenewalRecord | undefined,
  behindMs: number,
): number | undefined {
  if (record === undefined) return undefined;
  if (why === "revoked") return record.revoked?.at.getTime();
  const draw = why === "recalled" ? drawOf(record, known) : undefined;
  return draw === undefined ? undefined : draw.at.getTime() + behindMs;
}

/** A limit that we count ourselves holds back what is only due, not what has been recalled since. */
function isOverruled(attempt: AttemptRecord | undefined, toldAt: number | undefined): boolean {
  return toldAt !== undefined && attempt?.lastCode === "RATE_LIMITED" && attempt.lastAt.getTime() < toldAt;
}

function isCeased(record: CertificateRecord | undefined): boolean {
  return record?.revoked !== undefined && !REVOCATION_REASONS[record.revoked.reason].replaced;
}
