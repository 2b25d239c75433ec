/**
 * The embedded vault and ledger: one SQLite file.
 *
 * @module
 */
export { openSqlite, type SqliteStore } from "./store.ts";
export { checkVaultKey, sqliteVault } from "./vault.ts";
export { sqliteLedger } from "./ledger.ts";
