import { byHand } from "../model/by_hand.ts";
import { CHALLENGES } from "../model/challenge_type.ts";
import { nextRenewal } from "../model/plan.ts";
import type { CertificateRecord } from "../model/records.ts";
import { drawOf, type RenewalRecord } from "../model/renewal_record.ts";
import type { SecretName } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import { readStoredBundle } from "../vault/certificate_secrets.ts";
import type { Call } from "../ports.ts";
import { readBundle } from "../x509/bundle.ts";
import { authorizationsByName } from "./by_hand.ts";
import type { FlowParts } from "./parts.ts";
import type { ExportedCertificate, HeldCertificate, HeldRenewal } from "./service.ts";
import { twinStates } from "./twins.ts";

/** What is written down of a certificate at this moment. */
export async function currentRecord(
  { records }: FlowParts,
  secretName: SecretName,
  call: Call,
): Promise<CertificateRecord | undefined> {
  return (await records.certificates.get(secretName, call))?.value;
}

/** All certificates, sorted by subject. */
export async function heldCertificates(parts: FlowParts, call: Call): Promise<readonly HeldCertificate[]> {
  const all = (await parts.records.certificates.list(call)).map((entry) => entry.value);
  const view = await viewer(parts, call);
  return all.map(view).sort((a, b) => a.record.intent.names[0] < b.record.intent.names[0] ? -1 : 1);
}

/** The certificate of a subject, its second kind beside it. */
export async function heldCertificate(
  parts: FlowParts,
  subject: string,
  call: Call,
): Promise<HeldCertificate | undefined> {
  const wanted = subject.toLowerCase();
  const found = (await heldCertificates(parts, call)).filter(({ record: { intent } }) =>
    intent.names[0] === wanted && intent.twinOf === undefined
  );
  // Two may have the same subject under different secret names: the newest is the one that is meant.
  return found.sort((a, b) => b.record.storedAt.getTime() - a.record.storedAt.getTime())[0];
}

/** One certificate as it is shown. */
export async function shown(parts: FlowParts, record: CertificateRecord, call: Call): Promise<HeldCertificate> {
  return (await viewer(parts, call))(record);
}

/** The parts of the certificate of a subject, its key among them; undefined where the vault has none. */
export async function exportCertificate(
  parts: FlowParts,
  subject: string,
  call: Call,
): Promise<ExportedCertificate | undefined> {
  const held = await heldCertificate(parts, subject, call);
  if (held === undefined) return undefined;
  const stored = await readStoredBundle(parts.vault, held.record.intent.secretName, call);
  if (stored === undefined) return undefined;
  const { certificates: [certificate, ...chain], keyPem } = await readBundle(stored);
  return { subject: held.record.intent.names[0], certificate, chain: chain.join(""), privateKey: keyPem };
}

/** Reads once what is shown of every certificate: there may be thousands. */
async function viewer(parts: FlowParts, call: Call): Promise<(record: CertificateRecord) => HeldCertificate> {
  const { certificates, deployments, attempts, authorizations, renewals, asides } = parts.records;
  const served = (await deployments.list(call)).map((entry) => entry.value);
  const byName = Map.groupBy(served, (it) => it.secretName);
  const known = (await authorizations.list(call)).map((entry) => entry.value);
  const provable = new Set(known.filter((it) => CHALLENGES[it.type].automatic).map((it) => it.name));
  const asked = new Map((await renewals.list(call)).map((entry) => [entry.id, entry.value]));
  const aside = new Map((await asides.list(call)).map((entry) => [entry.id, entry.value]));
  const { clock, settings: { keyTypes } } = parts;
  const hands = {
    known: await authorizationsByName(parts, call),
    keyType: keyTypes[0],
    now: clock.now(),
  };
  const view = (record: CertificateRecord): HeldCertificate => {
    const autoRenewable = record.intent.names.every((name) => provable.has(name));
    const renewal = heldRenewal(record, asked.get(record.intent.secretName));
    return {
      record,
      deployments: byName.get(record.intent.secretName) ?? [],
      autoRenewable,
      ...given("byHand", autoRenewable || renewal === undefined ? undefined : byHand(record, renewal, hands)),
      ...given("renewal", renewal),
      ...given("aside", aside.get(record.intent.secretName)),
    };
  };
  const all = (await certificates.list(call)).map((entry) => entry.value);
  const tried = new Map((await attempts.list(call)).map((entry) => [entry.id as SecretName, entry.value]));
  const twins = twinStates({ all, attempts: tried, keyTypes, view });
  return (record) => ({ ...view(record), ...given("twin", twins(record)) });
}

function heldRenewal(record: CertificateRecord, known: RenewalRecord | undefined): HeldRenewal | undefined {
  const date = nextRenewal(record, known);
  if (date === undefined) return undefined;
  return { ...date, ...given("explanationUrl", drawOf(record, known)?.explanationUrl) };
}
