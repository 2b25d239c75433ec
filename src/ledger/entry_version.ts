import { SidecarError } from "../model/errors.ts";

/**
 * Compares the version that a writer expects with the entry's own, 0 for none.
 *
 * @throws {SidecarError} `CONFLICT` if they differ.
 */
export function checkEntryVersion(key: string, expected: number | undefined, current: number): void {
  if (expected === undefined || expected === current) return;
  const found = current === 0 ? "it does not exist" : `it has version ${current}`;
  const wanted = expected === 0 ? "it should not exist" : `it should have version ${expected}`;
  throw new SidecarError("CONFLICT", `Cannot write the ledger's entry ${key}: ${found}, ${wanted}`, {
    field: "ledger",
    todo: "read it again and repeat the change",
  });
}
