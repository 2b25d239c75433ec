import { InputError, SidecarError } from "../model/errors.ts";
import type { VaultName } from "../model/secret_name.ts";
import type { SecretWrite } from "../ports.ts";
import { normaliseValue } from "./value.ts";

/** How many earlier versions of a secret the embedded vaults keep for roll-back. */
export const KEPT_VERSIONS = 5;

/** The longest value that a vault takes, in bytes: what every store that it may move to keeps as well (etcd: 1.5 MB). */
export const MAX_VALUE_BYTES = 1_048_576;

/**
 * Prepares the writes of one `Vault.write`: values as Kontena keeps them, each name once.
 *
 * @throws {InputError} If a value is blank, or longer than {@linkcode MAX_VALUE_BYTES}.
 * @throws {TypeError} If a name comes twice: which of the two would be current is not said.
 */
export function readyWrites(writes: readonly SecretWrite[]): readonly SecretWrite[] {
  const names = writes.map((write) => write.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new TypeError(`Cannot write ${twice} twice at once`);
  return writes.map((write) => ({ ...write, value: checkLength(normaliseValue(write.value)) }));
}

function checkLength(value: string): string {
  // A character takes three bytes at most for each of its code units.
  const bytes = value.length * 3 <= MAX_VALUE_BYTES ? 0 : new TextEncoder().encode(value).length;
  if (bytes <= MAX_VALUE_BYTES) return value;
  throw new InputError(
    "value",
    `Value is too long: ${bytes} bytes, the most is ${MAX_VALUE_BYTES}`,
    "keep it elsewhere, or in parts",
  );
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
