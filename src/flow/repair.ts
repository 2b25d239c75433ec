import { describe, SidecarError } from "../model/errors.ts";
import type { Intent } from "../model/records.ts";
import { certificateSecrets, type SecretName } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import { readStoredBundle, readStoredSecrets, repairWrites } from "../vault/certificate_secrets.ts";
import type { Call, Secret, Vault } from "../ports.ts";
import { leafDer, readBundle } from "../x509/bundle.ts";
import { certificateFacts } from "../x509/certificate.ts";
import type { FlowParts } from "./parts.ts";

/**
 * Brings the three secrets of every certificate to agree. The bundle is the commit point: where a vault cannot write all three
 * at once, a crash may have left the other two behind. One that was altered gives way to the newest version before it that is
 * whole. A certificate that cannot be mended keeps no other from it.
 */
export async function repairSecrets(parts: FlowParts, call: Call): Promise<void> {
  for (const { value: { intent } } of await parts.records.certificates.list(call)) {
    try {
      await repairCertificate(parts, intent, call);
    } catch (error) {
      if (!(error instanceof SidecarError) || error.code !== "VAULT_KEY") throw error;
      const { secretName: secret, names } = intent;
      const text = `${describe(error)}; no earlier version can be opened either, get the certificate again`;
      const fields = { subject: names[0], secret, code: error.code };
      parts.events.emit({ level: "error", name: "vault.unreadable", text, fields });
    }
  }
}

async function repairCertificate(
  { vault, events }: FlowParts,
  { secretName, certType }: Intent,
  call: Call,
): Promise<void> {
  const { bundle: found, ...others } = await readStoredSecrets(vault, secretName, call);
  const name = certificateSecrets(secretName).bundle;
  const bundle = found instanceof SidecarError ? await earlier(vault, name, found, call) : found;
  const mended = repairWrites(secretName, { ...others, ...given("bundle", bundle) }, certType);
  if (found instanceof SidecarError && bundle !== undefined) {
    // The bundle comes last, as in every write of the three.
    await vault.write([...mended, { name, value: bundle.value }], call);
    const text = `${found.message}: its version ${bundle.version} is current again`;
    events.emit({ level: "warn", name: "vault.restored", text, fields: { secret: secretName, code: found.code } });
  } else if (mended.length > 0 && bundle !== undefined && await isSound(bundle)) {
    await vault.write(mended, call);
    const names = mended.map((write) => write.name).join(", ");
    events.emit({ level: "warn", name: "vault.repaired", text: `${names} did not belong to the bundle; written anew` });
  }
}

/** A person may have written something else there: what belonged to the bundle before it is left as it is. */
async function isSound({ value }: Secret): Promise<boolean> {
  return await readBundle(`${value}\n`).then(() => true, () => false);
}

async function earlier(vault: Vault, name: SecretName, why: SidecarError, call: Call): Promise<Secret> {
  const [newest] = await vault.history(name, call);
  if (newest === undefined) throw why;
  return newest;
}

/** Adds what records from before there was renewal information lack: the certificate's name in it, read off the certificate. */
export async function repairCertIds({ vault, records }: FlowParts, call: Call): Promise<void> {
  for (const { id, value, version } of await records.certificates.list(call)) {
    if (value.origin !== "ca" || value.facts.certId !== undefined) continue;
    const stored = await readStoredBundle(vault, value.intent.secretName, call);
    if (stored === undefined) continue;
    const { fingerprint, certId } = certificateFacts(leafDer(stored));
    if (certId === undefined || fingerprint !== value.facts.fingerprint) continue;
    const facts = { ...value.facts, ...given("certId", certId) };
    await records.certificates.put(id, { ...value, facts }, { ...call, ifVersion: version });
  }
}
