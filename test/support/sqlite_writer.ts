/**
 * A process that writes to an embedded store until it is killed. Each round is one pair of secrets and one entry; its number
 * is printed once both are acknowledged.
 *
 * @module
 */
import { makeSealer } from "../../mod.ts";
import { sqliteLedger } from "../../plugin/sqlite/ledger.ts";
import { openSqlite } from "../../plugin/sqlite/store.ts";
import { sqliteVault } from "../../plugin/sqlite/vault.ts";
import { describe } from "../../src/model/errors.ts";
import { parseSecretName } from "../../src/model/secret_name.ts";
import { TEST_KEY } from "./embedded.ts";
import { fakeClock } from "./fake_clock.ts";

const call = { signal: new AbortController().signal };
const KEY = parseSecretName("PAIR_PRIVATE_KEY");
const CERTIFICATE = parseSecretName("PAIR_CERTIFICATE");

async function writeOn(path: string): Promise<never> {
  await using store = openSqlite(path);
  await using vault = sqliteVault(store, await makeSealer(TEST_KEY), fakeClock());
  await using ledger = sqliteLedger(store, fakeClock());
  for (let round = (await vault.read(KEY, call))?.version ?? 0;; round++) {
    await vault.write([KEY, CERTIFICATE].map((name) => ({ name, value: `round ${round + 1}` })), call);
    await ledger.put(`rounds/${round + 1}`, round + 1, call);
    console.log(round + 1);
  }
}

if (import.meta.main) {
  try {
    await writeOn(Deno.args[0] ?? "");
  } catch (error) {
    console.log(describe(error));
    Deno.exit(1);
  }
}
