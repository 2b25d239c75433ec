import { memoryVault } from "../../src/vault/memory_vault.ts";
import { embeddedVault } from "../support/embedded.ts";
import { vaultContract } from "./vault_contract.ts";

vaultContract("memoryVault()", (clock) => Promise.resolve(memoryVault(clock)));
vaultContract("sqliteVault()", embeddedVault);
