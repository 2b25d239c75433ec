import { readStoredSecrets, repairWrites } from "../vault/certificate_secrets.ts";
import type { Call } from "../ports.ts";
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
