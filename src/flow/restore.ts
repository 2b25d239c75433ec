import type { Target } from "../model/balancer_plan.ts";
import { bundleFile, type SecretName } from "../model/secret_name.ts";
import { readStoredBundle } from "../vault/certificate_secrets.ts";
import type { Call, StoredFile } from "../ports.ts";
import type { FlowParts } from "./parts.ts";
import { standInPem } from "./stand_in.ts";
import { digestOf } from "./targets.ts";

/** Gives a balancer back what it has served before; what the vault has another version of by now is left alone. */
export async function restore(
  parts: FlowParts,
  balancer: string,
  targets: readonly Target[],
  call: Call,
): Promise<ReadonlySet<SecretName>> {
  const adapter = parts.balancers.get(balancer);
  if (adapter?.restore === undefined) return new Set();
  const files: StoredFile[] = [];
  for (const target of targets) {
    const { secretName, digest } = target;
    const pem = target.standsIn === true
      ? await standInPem(parts, balancer, target, call)
      : await readStoredBundle(parts.vault, secretName, call);
    if (pem !== undefined && await digestOf(pem) === digest) files.push({ file: bundleFile(secretName), pem });
  }
  const done = files.length === 0 ? new Set<string>() : await adapter.restore(files, call);
  return new Set(targets.map((it) => it.secretName).filter((name) => done.has(bundleFile(name))));
}
