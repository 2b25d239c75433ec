import { atOnce } from "../model/at_once.ts";
import { isSecretName, type VaultName } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import type { Call, Clock, Secret, SecretEntry, SecretWrite, Vault } from "../ports.ts";
import { checkVersion, KEPT_VERSIONS, readyWrites } from "./writes.ts";

/** One name's versions, newest first. */
type Versions = readonly [Secret, ...Secret[]];

/** A vault for tests and trials: as good as the embedded one until the process ends. */
export function memoryVault(clock: Clock): Vault {
  const kept = new Map<VaultName, Versions>();
  /** The highest version that a removed secret had: where what is new counts on from there, no name has to be remembered. */
  let removed = 0;
  const written = (versions: Versions | undefined, value: string, now: Date): Versions => {
    if (versions === undefined) return [{ value, version: removed + 1, createdAt: now }];
    const [{ version, createdAt }] = versions;
    return [{ value, version: version + 1, createdAt, updatedAt: now }, ...versions.slice(0, KEPT_VERSIONS)];
  };

  return {
    ready: (call: Call) => atOnce(call, () => {}),
    list: (call: Call) => atOnce(call, () => [...kept].flatMap(([name, [it]]) => entry(name, it)).sort(byName)),
    read: (name: VaultName, call: Call) => atOnce(call, () => kept.get(name)?.[0]),
    write: (writes: readonly SecretWrite[], call: Call) =>
      atOnce(call, () => {
        const ready = readyWrites(writes);
        for (const { name, ifVersion } of ready) checkVersion(name, ifVersion, kept.get(name)?.[0].version ?? 0);
        for (const { name, value } of ready) kept.set(name, written(kept.get(name), value, clock.now()));
      }),
    remove: (name: VaultName, call: Call) =>
      atOnce(call, () => {
        removed = Math.max(removed, kept.get(name)?.[0].version ?? 0);
        return kept.delete(name);
      }),
    history: (name: VaultName, call: Call) => atOnce(call, () => kept.get(name)?.slice(1) ?? []),
    [Symbol.asyncDispose](): Promise<void> {
      kept.clear();
      return Promise.resolve();
    },
  };
}

function entry(name: VaultName, { createdAt, updatedAt }: Secret): readonly SecretEntry[] {
  return isSecretName(name) ? [{ name, createdAt, ...given("updatedAt", updatedAt) }] : [];
}

function byName(a: SecretEntry, b: SecretEntry): number {
  return a.name < b.name ? -1 : 1;
}
