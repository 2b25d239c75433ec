import { assertEquals, assertRejects } from "@std/assert";
import { SidecarError } from "../../../src/model/errors.ts";
import { parseSecretName } from "../../../src/model/secret_name.ts";
import { memoryVault } from "../../../src/vault/memory_vault.ts";
import { watchedVault } from "../../../src/vault/watched_vault.ts";
import { CALL } from "../../support/fakes.ts";
import { fakeClock } from "../../support/fake_clock.ts";

const [A, B] = [parseSecretName("A"), parseSecretName("B")];

Deno.test("watchedVault() tells of writes and removals that were done, until nobody listens any more", async () => {
  const vault = watchedVault(memoryVault(fakeClock()));
  const told: string[][] = [];
  const control = new AbortController();
  vault.watch((names) => told.push([...names]), { signal: control.signal });

  await vault.write([{ name: A, value: "1" }, { name: B, value: "2" }], CALL);
  await assertRejects(() => vault.write([{ name: A, value: "3", ifVersion: 7 }], CALL), SidecarError);
  await vault.remove(A, CALL);
  await vault.remove(A, CALL);
  assertEquals(told, [["A", "B"], ["A"]]);
  control.abort();
  await vault.write([{ name: A, value: "4" }], CALL);

  assertEquals(told.length, 2);
  assertEquals((await vault.read(A, CALL))?.value, "4");
});
