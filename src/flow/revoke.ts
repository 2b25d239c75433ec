import { InputError, SidecarError } from "../model/errors.ts";
import type { CertificateRecord } from "../model/records.ts";
import { REVOCATION_REASONS, type RevocationReason } from "../model/revocation.ts";
import { readStoredBundle } from "../vault/certificate_secrets.ts";
import type { Call } from "../ports.ts";
import { leafDer } from "../x509/bundle.ts";
import type { OpenAccount } from "./account.ts";
import type { FlowParts } from "./parts.ts";

/** Tells whether the account can revoke it. */
export function isRevocable({ authority }: FlowParts, record: CertificateRecord): boolean {
  return record.origin === "ca" && record.directory.href === authority.directory.href;
}

/** Refuses what the account cannot revoke: a certificate that came from elsewhere. */
export function checkRevocable({ authority }: FlowParts, record: CertificateRecord): void {
  const [subject] = record.intent.names;
  if (record.origin === "imported") {
    throw new InputError(
      "certificate",
      `The certificate for ${subject} was imported`,
      `revoke it where it was issued, then import another one or run kontena certificate remove ${subject}`,
    );
  }
  if (record.directory.href === authority.directory.href) return;
  throw new InputError(
    "certificate",
    `The certificate for ${subject} was issued by ${record.directory.host}, not by ${authority.directory.host}`,
    `set ACME_DIRECTORY_URL to ${record.directory} to revoke it`,
  );
}

/**
 * Revokes a certificate with the account that it was issued to (RFC 8555 §7.6). The secrets and the balancers keep it: the
 * keeper replaces it where it can, because a revoked certificate serves better than none.
 */
export async function revokeCertificate(
  parts: FlowParts,
  account: OpenAccount,
  record: CertificateRecord,
  reason: RevocationReason,
  call: Call,
): Promise<CertificateRecord> {
  const { vault, records, clock, events } = parts;
  const { secretName, names } = record.intent;
  const stored = await readStoredBundle(vault, secretName, call);
  if (stored === undefined) {
    throw new SidecarError("NOT_FOUND", `The vault has no bundle ${secretName}_BUNDLE`, { field: "certificate" });
  }
  await account.authority.revoke(leafDer(stored), REVOCATION_REASONS[reason].code, call);
  events.emit({
    level: "warn",
    name: "certificate.revoked",
    text: `Certificate for ${names.join(", ")} was revoked (${reason}, serial ${record.facts.serial})`,
    fields: { subject: names[0], serial: record.facts.serial, reason },
  });
  const now = await records.certificates.get(secretName, call);
  // A newer one may have taken its place in the meantime.
  if (now === undefined || now.value.facts.fingerprint !== record.facts.fingerprint) return now?.value ?? record;
  const revoked: CertificateRecord = { ...now.value, revoked: { at: clock.now(), reason } };
  await records.certificates.put(secretName, revoked, { ...call, ifVersion: now.version });
  return revoked;
}
