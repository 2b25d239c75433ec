/**
 * The sidecar, killed by the system right before or right after its n-th durable write: no handler runs, no file is
 * closed, no answer is sent. `CRASH_AT` is n, `CRASH` says `before` or `after`. Each write is printed.
 *
 * @module
 */
import type { Ledger, Vault } from "../../mod.ts";
import { main } from "../../plugin/main.ts";

const at = Number(Deno.env.get("CRASH_AT"));
const moment = Deno.env.get("CRASH");
let count = 0;

/** Carries out one write, or dies. */
async function write<T>(what: string, work: () => Promise<T>): Promise<T> {
  const mine = ++count;
  console.error(`write ${mine}: ${what}`);
  if (mine === at && moment === "before") return await die();
  const result = await work();
  if (mine === at && moment === "after") return await die();
  return result;
}

function die(): Promise<never> {
  Deno.kill(Deno.pid, "SIGKILL");
  return new Promise(() => {}); // not one step more, until the signal has come
}

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
