import { bundleBase, certificateSecrets, type SecretName, type VaultName } from "../model/secret_name.ts";
import type { Call, SecretEntry } from "../ports.ts";
import { anotherBundle } from "./follow.ts";
import type { Certificates } from "./inner_service.ts";
import type { FlowParts } from "./parts.ts";
import { quietly } from "./quietly.ts";
import { stampOf } from "./targets.ts";

/** Notices bundles that somebody has put into the vault in the place of others. */
export interface BundleWatch {
  /** Looks at those that were written since they were looked at last. */
  look(secrets: ReadonlyMap<SecretName, SecretEntry>, call: Call): Promise<void>;
  /** Where the vault tells of writes: each is looked at at once, until the signal aborts. */
  listen(call: Call): void;
}

/** Makes a {@linkcode BundleWatch}. */
export function bundleWatch(parts: FlowParts, service: Pick<Certificates, "follow">): BundleWatch {
  const { vault, records } = parts;
  const seen = new Map<SecretName, string>();
  const written = (name: VaultName, call: Call): void => {
    const base = bundleBase(name);
    if (base !== undefined) quietly(parts, "keeper.follow", () => service.follow(base, call), call);
  };
  return {
    async look(secrets, call): Promise<void> {
      const all = await records.certificates.list(call);
      const names = new Set(all.map((it) => it.value.intent.secretName));
      for (const name of seen.keys()) if (!names.has(name)) seen.delete(name);
      for (const { value: record } of all) {
        const { secretName } = record.intent;
        const entry = secrets.get(certificateSecrets(secretName).bundle);
        if (entry === undefined || seen.get(secretName) === stampOf(entry)) continue;
        const same = await anotherBundle(vault, record, call) === undefined;
        if (same || await service.follow(secretName, call)) seen.set(secretName, stampOf(entry));
      }
    },
    listen: (call) => vault.watch?.((names) => names.forEach((it) => written(it, call)), call),
  };
}
