import { isResting } from "./attempt.ts";
import { CHALLENGES } from "./challenge_type.ts";
import type { DnsName } from "./dns_name.ts";
import type { KeyType } from "./key_type.ts";
import type { Planned } from "./plan.ts";
import type { AttemptRecord, AuthorizationRecord, CertificateRecord, Intent } from "./records.ts";
import type { RenewalDate } from "./renewal.ts";
import { defaultSecretName, type SecretName } from "./secret_name.ts";

/** What a person has to do about a certificate that is not renewed by itself. */
export interface ByHand {
  /** From this instant on. */
  readonly from: Date;
  /** The end of the certificate that is held. */
  readonly until: Date;
  /** The time has come. */
  readonly due: boolean;
  /** The command that gets the new one. */
  readonly command: string;
  /** All that is to be done, as a clause without a period; the command is part of it. */
  readonly todo: string;
}

/** What is known of a name's authorization, by name. */
export type AuthorizationsByName = ReadonlyMap<DnsName, AuthorizationRecord>;

/** Says what a person has to do about a held certificate, and when. */
export function byHand(
  { facts, intent, origin, storedAt }: CertificateRecord,
  { at }: RenewalDate,
  { known, keyType, now }: { readonly known: AuthorizationsByName; readonly keyType: KeyType; readonly now: Date },
): ByHand {
  const command = getCommand(intent, keyType);
  const open = intent.names.filter((name) => !isFresh(known.get(name), storedAt, now));
  const steps = open.length === 0 ? `run ${command}` : `${authorizeText(intent, open)}, then run ${command}`;
  const todo = `${origin === "imported" ? "import a newer one, or " : ""}${steps}` +
    " (it is run by itself once the records are seen in DNS)";
  return { from: at, until: facts.notAfter, due: at <= now, command, todo };
}

/** The command that gets a certificate for the intent. Spelled for a shell: a star is quoted. */
export function getCommand({ names, secretName, certType, keyType }: Intent, usual: KeyType): string {
  return [
    "kontena certificate get",
    ...secretName === defaultSecretName(names[0]) ? [] : [`--secret-name ${secretName}`],
    ...certType === "fullchain" ? [] : [`--cert-type ${certType}`],
    ...keyType === usual ? [] : [`--key-type ${keyType}`],
    ...names.map(quoted),
  ].join(" ");
}

/** What is known when the keeper looks for what persons have done. */
export interface HandSituation {
  /** What the plan says. */
  readonly planned: readonly Planned[];
  /** In the vault. */
  readonly held: readonly CertificateRecord[];
  /** What persons asked for, and got told that records are missing. */
  readonly asked: readonly Intent[];
  /** At the account that is used. */
  readonly known: AuthorizationsByName;
  /** How earlier attempts went. */
  readonly attempts: ReadonlyMap<SecretName, AttemptRecord>;
  /** The moment that is judged. */
  readonly now: Date;
}

/**
 * The certificates for which a person has done all but what DNS has to show: every name is authorized, and nothing that the CA
 * has forgotten. Authorizations from before the certificate that is held have brought that one about: they ask for no other.
 */
export function handedOver({ planned, held, asked, known, attempts, now }: HandSituation): readonly Intent[] {
  const since = new Map(held.map((it) => [it.intent.secretName, it.storedAt]));
  const named = new Set(asked.map((it) => it.secretName));
  const wanted = planned.flatMap((it) =>
    (it.do === "issue" || it.why === "backoff" || it.why === "by hand") && !named.has(it.intent.secretName)
      ? [it.intent]
      : []
  );
  return [
    ...asked.filter((it) => isAuthorized(it, known, undefined, now)),
    ...wanted.filter((it) => isAuthorized(it, known, since.get(it.secretName), now)),
  ].filter(({ secretName }) => {
    const attempt = attempts.get(secretName);
    return isPersonsTurn(attempt) || !isResting(attempt, now);
  });
}

/**
 * Tells whether the name is proven, or can be: a machine makes another authorization in place of one that is over, a person's is
 * of no use then (RFC 8555 §7.1.6).
 */
export function isProvable({ type, state, expires }: AuthorizationRecord, now: Date): boolean {
  return CHALLENGES[type].automatic || (state !== "error" && (expires === undefined || expires > now));
}

/** The same intent, of somebody who has had the answer. */
export function answered({ awaited: _, ...intent }: Intent): Intent {
  return intent;
}

/** Tells whether every name is authorized, one at least by a person, after the certificate of `since` if there is one. */
export function isAuthorized(
  { names }: Intent,
  known: AuthorizationsByName,
  since: Date | undefined,
  now: Date,
): boolean {
  const records = names.map((name) => known.get(name));
  const hand = records.some((it) => it !== undefined && !CHALLENGES[it.type].automatic);
  return hand && records.every((it) => isFresh(it, since, now));
}

/** AuthorizationsByName for a certificate after the one of then. */
function isFresh(record: AuthorizationRecord | undefined, since: Date | undefined, now: Date): boolean {
  if (record === undefined || !isProvable(record, now)) return false;
  return CHALLENGES[record.type].automatic || since === undefined || record.createdAt > since;
}

/** What ended the last attempt was that a person's part was missing: there is nothing to rest from. */
function isPersonsTurn(attempt: AttemptRecord | undefined): boolean {
  return attempt?.lastCode === "ORDER_PARKED" || attempt?.lastCode === "INPUT";
}

function authorizeText({ balancers: [balancer] }: Intent, names: readonly DnsName[]): string {
  const command = `kontena certificate authorize${balancer === undefined ? "" : ` --lb-link ${balancer}`}`;
  return names.length === 1
    ? `run ${command} ${quoted(names[0]!)}, set the record that it shows`
    : `run ${command} for each of ${names.join(", ")}, set the records that it shows`;
}

function quoted(name: DnsName): string {
  return name.startsWith("*") ? `'${name}'` : name;
}
