import { memoryLedger } from "../../src/ledger/memory_ledger.ts";
import { embeddedLedger } from "../support/embedded.ts";
import { ledgerContract } from "./ledger_contract.ts";

ledgerContract("memoryLedger()", (clock) => Promise.resolve(memoryLedger(clock)));
ledgerContract("sqliteLedger()", (clock) => Promise.resolve(embeddedLedger(clock)));
