/**
 * The sidecar, killed by the system at one of its durable writes (`crash_point.ts`).
 *
 * @module
 */
import type { Ledger, Vault } from "../../mod.ts";
import { main } from "../../plugin/main.ts";
import { step } from "./crash_point.ts";

const write = <T>(what: string, work: () => Promise<T>): Promise<T> => step("write", what, work);

function crashingLedger(ledger: Ledger): Ledger {
  return {
    ...ledger,
    put: (key, value, call) => write(`put ${key}`, () => ledger.put(key, value, call)),
    remove: (key, call) => write(`remove ${key}`, () => ledger.remove(key, call)),
  };
}

function crashingVault(vault: Vault): Vault {
  return {
    ...vault,
    write: (writes, call) => write(`seal ${writes.map((it) => it.name).join(" ")}`, () => vault.write(writes, call)),
    remove: (name, call) => write(`unseal ${name}`, () => vault.remove(name, call)),
  };
}

if (import.meta.main) Deno.exit(await main({ ledger: crashingLedger, vault: crashingVault }));
