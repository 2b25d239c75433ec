import { given } from "../model/shape.ts";
import { readStoredBundle, readStoredSecrets, repairWrites } from "../vault/certificate_secrets.ts";
import type { Call } from "../ports.ts";
import { leafDer } from "../x509/bundle.ts";
import { certificateFacts } from "../x509/certificate.ts";
import type { FlowParts } from "./parts.ts";

/**
 * Brings the three secrets of every certificate to agree. The bundle is the commit point: where a vault cannot write all
 * three at once, a crash may have left the other two behind.
 */
export async function repairSecrets({ vault, records, events }: FlowParts, call: Call): Promise<void> {
  for (const { value: { intent: { secretName, certType } } } of await records.certificates.list(call)) {
    const writes = repairWrites(secretName, await readStoredSecrets(vault, secretName, call), certType);
    if (writes.length === 0) continue;
    await vault.write(writes, call);
    const names = writes.map((write) => write.name).join(", ");
    events.emit({ level: "warn", name: "vault.repaired", text: `${names} did not belong to the bundle; written anew` });
  }
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
