/**
 * The sidecar with a mistake in it: each write to the ledger leaves a promise behind that rejects, and that nobody awaits.
 *
 * @module
 */
import type { Ledger } from "../../mod.ts";
import { main } from "../../plugin/main.ts";

function carelessLedger(ledger: Ledger): Ledger {
  return {
    ...ledger,
    put(key, value, call): ReturnType<Ledger["put"]> {
      void Promise.reject(new TypeError("Cannot read properties of undefined (reading 'length')"));
      return ledger.put(key, value, call);
    },
  };
}

if (import.meta.main) Deno.exit(await main({ ledger: carelessLedger }));
