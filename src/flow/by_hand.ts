import { CHALLENGES } from "../model/challenge_type.ts";
import {
  answered,
  type AuthorizationsByName,
  getCommand,
  handedOver,
  type HandSituation,
  isAuthorized,
} from "../model/by_hand.ts";
import { sameNames } from "../model/dns_name.ts";
import { nextRenewal } from "../model/plan.ts";
import type { AuthorizationRecord, CertificateRecord, Intent } from "../model/records.ts";
import { certificateSecrets, type SecretName } from "../model/secret_name.ts";
import { accountId } from "../ledger/records.ts";
import { readStoredSecrets, repairWrites } from "../vault/certificate_secrets.ts";
import type { Call } from "../ports.ts";
import type { Certificates } from "./inner_service.ts";
import { knownRecords } from "./issue.ts";
import type { FlowParts } from "./parts.ts";
import { type ProofParts, settleAll } from "./proof.ts";
import type { HeldCertificate } from "./service.ts";

/** How often DNS is looked at for the records of one certificate, more or less. */
const LOOK_MS = 60_000;

/** Looks after the certificates that only wait for the records of a person. */
export interface HandWatch {
  /** Those that a person has authorized. */
  handedOver(situation: Omit<HandSituation, "known" | "asked">, call: Call): Promise<readonly Intent[]>;
  /** Tells whether it is time to look at DNS for it; what it allows counts as a look. */
  isTime(secretName: SecretName): boolean;
  /** Looks, and goes on where all records are seen; the first time that one is missing, it is told. */
  finish(intent: Intent, call: Call): Promise<HeldCertificate | undefined>;
}

/** Makes a {@linkcode HandWatch}; after a restart it looks at once, and tells once again. */
export function handWatch(parts: FlowParts, service: Pick<Certificates, "finish">): HandWatch {
  const { records, clock, events, settings } = parts;
  const nextLook = new Map<SecretName, Date>();
  const told = new Set<SecretName>();
  return {
    async handedOver(situation, call): Promise<readonly Intent[]> {
      const known = await authorizationsByName(parts, call);
      const asked = await askedFor(parts, { ...situation, known }, call);
      const tried = await Promise.all(asked.map((it) => records.attempts.get(it.secretName, call)));
      const attempts = new Map([
        ...situation.attempts,
        ...tried.flatMap((it, i) => it === undefined ? [] : [[asked[i]!.secretName, it.value] as const]),
      ]);
      const found = handedOver({ ...situation, attempts, asked, known });
      const names = new Set(found.map((it) => it.secretName));
      for (const name of nextLook.keys()) if (!names.has(name)) nextLook.delete(name);
      for (const name of told) if (!names.has(name)) told.delete(name);
      return found;
    },
    isTime(secretName: SecretName): boolean {
      const now = clock.now();
      if ((nextLook.get(secretName) ?? now) > now) return false;
      nextLook.set(secretName, new Date(now.getTime() + LOOK_MS * (0.9 + 0.2 * clock.random())));
      return true;
    },
    async finish(intent: Intent, call: Call): Promise<HeldCertificate | undefined> {
      const { names, secretName } = intent;
      const held = await service.finish(intent, call);
      if (held !== undefined || told.has(secretName)) return held;
      told.add(secretName);
      events.emit({
        level: "info",
        name: "certificate.records_missing",
        text: `The certificate for ${names.join(", ")} is got once DNS shows its records; they are shown by ` +
          getCommand(intent, settings.keyTypes[0]),
        fields: { subject: names[0], secret: secretName },
      });
      return undefined;
    },
  };
}

/** Notes that a person asked for it, and was told that records are missing. */
export async function wish({ records, clock }: FlowParts, intent: Intent, call: Call): Promise<void> {
  await records.wishes.put(intent.secretName, { intent, at: clock.now() }, call);
}

/** What persons asked for; what has come in the meantime, or is not authorized any more, is asked for no longer. */
async function askedFor(
  { records }: FlowParts,
  { held, known, now }: Pick<HandSituation, "held" | "known" | "now">,
  call: Call,
): Promise<readonly Intent[]> {
  const wishes = (await records.wishes.list(call)).map((entry) => entry.value);
  const over = wishes.filter(({ intent, at }) =>
    !isAuthorized(intent, known, undefined, now) ||
    held.some((it) => it.intent.secretName === intent.secretName && it.storedAt >= at)
  );
  await Promise.all(over.map(({ intent }) => records.wishes.remove(intent.secretName, call)));
  const orders = (await records.orders.list(call)).map((entry) => entry.value);
  const parked = orders.flatMap((it) =>
    it.step === "parked" && it.intent !== undefined && (it.expires === undefined || it.expires > now) ? [it.intent] : []
  );
  const all = [...parked, ...wishes.filter((it) => !over.includes(it)).map(({ intent }) => intent)];
  return [...new Map(all.map((it) => [it.secretName, it])).values()];
}

/** What is known of authorizations at the account that is used, under the profile that is used. */
export async function authorizationsByName(
  { authority, records, settings }: FlowParts,
  call: Call,
): Promise<AuthorizationsByName> {
  const account = (await records.accounts.get(accountId(authority.directory), call))?.value;
  const all = (await records.authorizations.list(call)).map((entry) => entry.value);
  const ours = (it: AuthorizationRecord): boolean =>
    it.directory.href === authority.directory.href && it.account.href === account?.url.href &&
    it.profile === settings.profile;
  return new Map(all.filter(ours).map((it) => [it.name, it]));
}

/** Looks whether DNS shows every record that a person has to set. The CA hears nothing of it. */
export async function recordsSeen(parts: ProofParts, intent: Intent, call: Call): Promise<boolean> {
  const known = await knownRecords(parts, intent.names, call);
  const open = known.filter((it) => it.state === "created" && !CHALLENGES[it.type].automatic);
  return (await settleAll(parts, open, call)).length === 0;
}

/** Tells that the keeper goes on in the place of a person. */
export function tellSeen({ events }: FlowParts, { names, secretName }: Intent): void {
  events.emit({
    level: "info",
    name: "certificate.records_seen",
    text: `The DNS records for ${names.join(", ")} are seen: the certificate is got without another command`,
    fields: { subject: names[0], secret: secretName },
  });
}

/**
 * The certificate that the keeper got in the place of a person, for the one who asks for it now: no intent gets two. It is
 * theirs once; who asks again wants another. One that is due, revoked, or gone from the vault is no answer, nor is one from
 * before an authorization that is open again.
 */
export async function claimAwaited(
  parts: ProofParts,
  intent: Intent,
  call: Call,
): Promise<CertificateRecord | undefined> {
  const { records, vault, clock } = parts;
  const { secretName, certType } = intent;
  const held = (await records.certificates.get(secretName, call))?.value;
  if (held?.intent.awaited !== true || held.intent.keyType !== intent.keyType) return undefined;
  if (!sameNames(held.intent.names, intent.names) || held.revoked !== undefined) return undefined;
  const due = nextRenewal(held, (await records.renewals.get(secretName, call))?.value);
  const known = await knownRecords(parts, intent.names, call);
  const again = known.some((it) => it.state !== "validated" && it.createdAt > held.storedAt);
  if (due === undefined || due.at <= clock.now() || again) return undefined;
  if (await vault.read(certificateSecrets(secretName).bundle, call) === undefined) return undefined;
  const writes = repairWrites(secretName, await readStoredSecrets(vault, secretName, call), certType);
  if (writes.length > 0) await vault.write(writes, call);
  const balancers = [...new Set([...held.intent.balancers, ...intent.balancers])];
  return await putAnswered(parts, { ...held, intent: { ...intent, balancers } }, call);
}

/** Takes the mark off a certificate whose person has had the answer. */
export async function putAnswered(
  { records }: FlowParts,
  record: CertificateRecord,
  call: Call,
): Promise<CertificateRecord> {
  const done = { ...record, intent: answered(record.intent) };
  await records.certificates.put(record.intent.secretName, done, call);
  return done;
}
