import { type Bundle, bundlePem, type CertificateFacts } from "../model/certificate.ts";
import { type DnsName, parseDnsName } from "../model/dns_name.ts";
import { InputError, SidecarError } from "../model/errors.ts";
import { judge } from "../model/judge.ts";
import type { CertificateRecord, Intent } from "../model/records.ts";
import { certificateSecrets } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import { type Finding, type FindingName, todoOf } from "../model/verdict.ts";
import { bundleWrites, readSecret } from "../vault/certificate_secrets.ts";
import type { Call } from "../ports.ts";
import { importBundle } from "../x509/import_bundle.ts";
import { clearAside } from "./aside.ts";
import type { FlowParts } from "./parts.ts";
import { forgetOrders } from "./remove.ts";
import type { ImportRequest } from "./service.ts";
import { appraiseBundle, standing, tellWarnings } from "./standing.ts";

/** A certificate from elsewhere, checked and put in order. */
export interface ForeignCertificate extends Pick<Intent, "names" | "keyType"> {
  readonly bundle: Bundle;
}

/**
 * Reads what shall be imported.
 *
 * @throws {InputError} If it is not one sound certificate with its key, or not for the subject that was named.
 */
export async function readForeign(request: ImportRequest, now: Date): Promise<ForeignCertificate> {
  const { bundle, keyType } = await importBundle(request, now);
  const subject = subjectOf(bundle.facts, request.subject);
  return { bundle, keyType, names: [subject, ...bundle.facts.names.filter((name) => name !== subject)] };
}

/** Keeps a certificate from elsewhere: the bundle first, then the record; earlier versions of the secrets stay. */
export async function storeForeign(
  parts: FlowParts,
  intent: Intent,
  bundle: Bundle,
  warnings: readonly Finding[],
  call: Call,
): Promise<CertificateRecord> {
  const { vault, records, clock, events } = parts;
  await checkPlace(parts, intent, call);
  const stored = await readSecret(vault, certificateSecrets(intent.secretName).bundle, call);
  const same = stored !== undefined && !(stored instanceof SidecarError) && `${stored.value}\n` === bundlePem(bundle);
  // The same bundle again would only push an earlier one out of the vault's history.
  if (!same) await vault.write(bundleWrites(intent.secretName, bundle, intent.certType), call);
  const record: CertificateRecord = {
    intent,
    facts: bundle.facts,
    storedAt: clock.now(),
    origin: "imported",
    ...given("warnings", warnings.length === 0 ? undefined : warnings),
  };
  await records.certificates.put(intent.secretName, record, call);
  // What was under way or failed before has nothing to do with it, and must not replace it.
  await forgetOrders(parts, intent.secretName, call);
  await records.attempts.remove(intent.secretName, call);
  await clearAside(parts, intent.secretName, call);
  const { serial, notAfter } = bundle.facts;
  events.emit({
    level: "info",
    name: "certificate.imported",
    text: `Certificate for ${intent.names.join(", ")} was imported, valid until ${notAfter.toISOString()}`,
    fields: { subject: intent.names[0], serial, secret: intent.secretName },
  });
  tellWarnings(parts, intent, warnings);
  return record;
}

/** What a person must say twice: no client takes such a certificate, or soon none will. */
const REFUSED: readonly FindingName[] = ["weak-key", "weak-signature", "no-server-auth"];

/**
 * Judges what shall be imported against what is held. A person brings it, so what is only worse than the one before is told
 * and taken.
 *
 * @returns What is to be told.
 * @throws {InputError} If it is too weak or not for servers, and not forced.
 */
export async function judgeForeign(
  parts: FlowParts,
  intent: Intent,
  bundle: Bundle,
  { force = false }: Pick<ImportRequest, "force">,
  call: Call,
): Promise<readonly Finding[]> {
  const { chain } = await appraiseBundle(bundle);
  // Names beside the domain names, addresses for example, were never asked for and never looked at.
  const proposed = { chain: { ...chain, dnsNames: intent.names }, names: intent.names };
  const verdict = judge(proposed, await standing(parts, intent, call), parts.clock.now());
  if (verdict.do !== "keep aside") return verdict.do === "swap" ? [] : verdict.warnings;
  const refused = verdict.reasons.filter(({ name }) => REFUSED.includes(name));
  const [first] = refused;
  if (first === undefined || force) return [...verdict.reasons, ...verdict.warnings];
  const found = refused.map((it) => it.found).join("; ");
  throw new InputError(
    "certificate",
    `Cannot import the certificate: ${found}`,
    `${todoOf(first.name)}, or use --force`,
  );
}

/** The CN where it is a domain name; certificates without one have their names in the SAN alone (RFC 9525 §2). */
function subjectOf({ subject: cn, names }: CertificateFacts, wanted: string | undefined): DnsName {
  const expected = wanted === undefined ? undefined : parseDnsName(wanted, "subject");
  const named = domainName(cn);
  const found = named ?? names.find((name) => name === expected) ?? names[0];
  if (found === undefined) {
    throw new InputError(
      "certificate",
      `Unable to find CN from certificate subject: ${shown(cn)}`,
      "import a certificate for a domain name of two labels or more",
    );
  }
  if (expected === undefined || expected === found) return found;
  throw new InputError("subject", `Certificate subject '${found}' does not match expected subject '${expected}'`);
}

/** A secret name that holds another subject's certificate is not taken over. */
async function checkPlace({ records }: FlowParts, { secretName, names }: Intent, call: Call): Promise<void> {
  const there = (await records.certificates.get(secretName, call))?.value.intent.names[0];
  if (there === undefined || there === names[0]) return;
  throw new InputError(
    "certificate",
    `${secretName} holds the certificate for ${there}`,
    `run kontena certificate remove ${there} first`,
  );
}

function domainName(text: string): DnsName | undefined {
  try {
    return parseDnsName(text);
  } catch {
    return undefined;
  }
}

/** Names in certificates are foreign text. */
function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
