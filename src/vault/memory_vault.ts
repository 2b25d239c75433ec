import { atOnce } from "../model/at_once.ts";
import { isSecretName, isUsedOnce, type VaultName } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import type { Call, Clock, Secret, SecretEntry, SecretWrite, Vault } from "../ports.ts";
import { checkVersion, KEPT_VERSIONS, readyWrites } from "./writes.ts";

/** One name's versions, newest first; empty after a removal, while `last` stays so that no version repeats. */
interface Kept {
  readonly last: number;
  readonly versions: readonly Secret[];
}

const NOTHING: Kept = { last: 0, versions: [] };

/** A vault for tests and trials: as good as the embedded one until the process ends. */
export function memoryVault(clock: Clock): Vault {
  const kept = new Map<VaultName, Kept>();
  const find = (name: VaultName): Kept => kept.get(name) ?? NOTHING;

  return {
    ready: (call: Call) => atOnce(call, () => {}),
    list: (call: Call) => atOnce(call, () => [...kept].flatMap(([name, it]) => entry(name, it.versions)).sort(byName)),
    read: (name: VaultName, call: Call) => atOnce(call, () => find(name).versions[0]),
    write: (writes: readonly SecretWrite[], call: Call) =>
      atOnce(call, () => {
        const ready = readyWrites(writes);
        for (const { name, ifVersion } of ready) checkVersion(name, ifVersion, find(name).versions[0]?.version ?? 0);
        for (const { name, value } of ready) kept.set(name, written(find(name), value, clock.now()));
      }),
    remove: (name: VaultName, call: Call) =>
      atOnce(call, () => {
        const { last, versions } = find(name);
        if (isUsedOnce(name)) kept.delete(name);
        else if (versions.length > 0) kept.set(name, { last, versions: [] });
        return versions.length > 0;
      }),
    history: (name: VaultName, call: Call) => atOnce(call, () => find(name).versions.slice(1)),
    [Symbol.asyncDispose](): Promise<void> {
      kept.clear();
      return Promise.resolve();
    },
  };
}

function written({ last, versions }: Kept, value: string, now: Date): Kept {
  const version = last + 1;
  const former = versions[0];
  const dates = former === undefined ? { createdAt: now } : { createdAt: former.createdAt, updatedAt: now };
  return { last: version, versions: [{ value, version, ...dates }, ...versions.slice(0, KEPT_VERSIONS)] };
}

function entry(name: VaultName, [current]: readonly Secret[]): readonly SecretEntry[] {
  if (current === undefined || !isSecretName(name)) return [];
  return [{ name, createdAt: current.createdAt, ...given("updatedAt", current.updatedAt) }];
}

function byName(a: SecretEntry, b: SecretEntry): number {
  return a.name < b.name ? -1 : 1;
}
