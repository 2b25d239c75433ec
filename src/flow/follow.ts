import { nameSet } from "../model/dns_name.ts";
import { SidecarError } from "../model/errors.ts";
import { followed, type Found } from "../model/followed.ts";
import type { Bundle } from "../model/certificate.ts";
import type { CertificateRecord } from "../model/records.ts";
import { certificateSecrets, orderKeyName, type SecretName } from "../model/secret_name.ts";
import { readSecret, readStoredSecrets, repairWrites } from "../vault/certificate_secrets.ts";
import type { Call, Secret, Vault } from "../ports.ts";
import { leafDer, readBundle } from "../x509/bundle.ts";
import { certificateFacts } from "../x509/certificate.ts";
import { importKey } from "../x509/keys.ts";
import { clearAside } from "./aside.ts";
import { lostNames } from "./dropped_names.ts";
import { currentRecord } from "./held.ts";
import type { FlowParts } from "./parts.ts";
import { forgetOrders } from "./remove.ts";
import { tellWarnings } from "./standing.ts";
import type { Workshop } from "./workshop.ts";

/**
 * Lets what is written down of a certificate follow the vault, where somebody has put another bundle in its place, or a crash
 * kept one of two writes.
 *
 * @returns False where something is under way for its names, which writes both itself; nothing was looked at then.
 */
export async function follow({ parts, turns }: Workshop, secretName: SecretName, call: Call): Promise<boolean> {
  const record = await currentRecord(parts, secretName, call);
  if (record === undefined) return true;
  const names = nameSet(record.intent.names);
  if (!turns.isFree(names)) return false;
  await turns.take(names, () => followVault(parts, secretName, call), call);
  return true;
}

/** The bundle that stands in the place of the one that is written down; undefined where that is the same, or nothing. */
export async function anotherBundle(
  vault: Vault,
  { intent, facts }: CertificateRecord,
  call: Call,
): Promise<Secret | undefined> {
  const stored = await readSecret(vault, certificateSecrets(intent.secretName).bundle, call);
  if (stored === undefined || stored instanceof SidecarError) return undefined;
  return fingerprintOf(stored) === facts.fingerprint ? undefined : stored;
}

async function followVault(parts: FlowParts, secretName: SecretName, call: Call): Promise<void> {
  const { vault, records } = parts;
  for (;;) {
    const row = await records.certificates.get(secretName, call);
    const stored = row === undefined ? undefined : await anotherBundle(vault, row.value, call);
    if (row === undefined || stored === undefined) return;
    // What cannot be served is told by whoever should serve it: nothing is written down of it.
    const bundle = await readBundle(`${stored.value}\n`).catch(() => undefined);
    if (bundle === undefined) return;
    const writes = repairWrites(
      secretName,
      await readStoredSecrets(vault, secretName, call),
      row.value.intent.certType,
    );
    if (writes.length > 0) await vault.write(writes, call);
    const found = await lookInto(parts, row.value, bundle, call);
    const now = followed(row.value, { ...found, storedAt: stored.updatedAt ?? stored.createdAt });
    await records.certificates.put(secretName, now, { ...call, ifVersion: row.version });
    if (!found.ours) await forgetFormer(parts, now, call);
    tell(parts, row.value, now);
  }
}

/** What a bundle is, next to the certificate that is written down in its place. */
async function lookInto(
  parts: FlowParts,
  { intent, facts: { names } }: CertificateRecord,
  bundle: Bundle,
  call: Call,
): Promise<Omit<Found, "storedAt">> {
  const { facts } = bundle;
  return {
    facts,
    keyType: (await importKey(bundle.keyPem)).type,
    lost: await lostNames(parts, { ...intent, names: facts.names }, names, call),
    ours: await isOfAnOrder(parts, intent.secretName, bundle, call),
  };
}

function tell(parts: FlowParts, { facts: before }: CertificateRecord, now: CertificateRecord): void {
  const { intent, facts: { serial }, warnings = [] } = now;
  const text = `The vault has another certificate for ${intent.names.join(", ")} than was written down (serial ` +
    `${serial}, not ${before.serial}); it goes by the one in the vault`;
  const fields = { subject: intent.names[0], secret: intent.secretName, serial };
  parts.events.emit({ level: "warn", name: "certificate.corrected", text, fields });
  tellWarnings(parts, intent, warnings);
}

/** How attempts at the former one went, and what was under way for it, has nothing to do with what a person brings. */
async function forgetFormer(parts: FlowParts, { intent, origin }: CertificateRecord, call: Call): Promise<void> {
  // What may be one of ours does not put an end to the order that is to replace it.
  if (origin === "imported") await forgetOrders(parts, intent.secretName, call);
  await parts.records.attempts.remove(intent.secretName, call);
  await clearAside(parts, intent.secretName, call);
}

/** A process may have ended after it stored what came for an order: the order goes on, and says more about it. */
async function isOfAnOrder(
  { vault, records }: FlowParts,
  secretName: SecretName,
  { keyPem }: Bundle,
  call: Call,
): Promise<boolean> {
  for (const { value: { id, intent } } of await records.orders.list(call)) {
    if (intent?.secretName !== secretName) continue;
    const sealed = await readSecret(vault, orderKeyName(id), call);
    if (sealed === undefined || sealed instanceof SidecarError) continue;
    if ((await importKey(sealed.value)).pem === keyPem) return true;
  }
  return false;
}

function fingerprintOf({ value }: Secret): string | undefined {
  try {
    return certificateFacts(leafDer(value)).fingerprint;
  } catch {
    return undefined; // whoever reads it whole says why
  }
}
