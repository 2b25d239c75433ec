import { SidecarError } from "../model/errors.ts";
import type { VaultName } from "../model/secret_name.ts";
import type { SecretWrite } from "../ports.ts";
import { normaliseValue } from "./value.ts";

/** How many earlier versions of a secret the embedded vaults keep for roll-back. */
export const KEPT_VERSIONS = 5;

/**
 * Prepares the writes of one `Vault.write`: values as Kontena keeps them, each name once.
 *
 * @throws {InputError} If a value is blank.
 * @throws {TypeError} If a name comes twice: which of the two would be current is not said.
 */
export function readyWrites(writes: readonly SecretWrite[]): readonly SecretWrite[] {
  const names = writes.map((write) => write.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new TypeError(`Cannot write ${twice} twice at once`);
  return writes.map((write) => ({ ...write, value: normaliseValue(write.value) }));
}

/**
 * Compares the version that a writer expects with the one that is current, 0 for none.
 *
 * @throws {SidecarError} `CONFLICT` if they differ.
 */
export function checkVersion(name: VaultName, expected: number | undefined, current: number): void {
  if (expected === undefined || expected === current) return;
  const found = current === 0 ? "it does not exist" : expected === 0 ? "it exists" : `version ${current} is current`;
  throw new SidecarError("CONFLICT", `Cannot write the secret ${name} as version ${expected + 1}: ${found}`, {
    field: "name",
    todo: "read it again and repeat the change",
  });
}
