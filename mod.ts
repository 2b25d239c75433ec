/**
 * Certificates from an ACME CA, kept in a vault, swapped into a running HAProxy.
 *
 * @module
 */
export * from "./src/model/backoff.ts";
export * from "./src/model/brand.ts";
export * from "./src/model/certificate.ts";
export * from "./src/model/challenge_type.ts";
export * from "./src/model/dns_name.ts";
export * from "./src/model/errors.ts";
export * from "./src/model/key_type.ts";
export * from "./src/model/order.ts";
export * from "./src/model/problem.ts";
export * from "./src/model/records.ts";
export * from "./src/model/renewal.ts";
export * from "./src/model/retry_after.ts";
export * from "./src/model/secret_name.ts";
export * from "./src/ports.ts";
export * from "./src/vault/seal.ts";
export * from "./src/vault/value.ts";
export * from "./src/vault/writes.ts";
export * from "./src/vault/certificate_secrets.ts";
export * from "./src/vault/memory_vault.ts";
export * from "./src/ledger/change_hub.ts";
export * from "./src/ledger/entry_version.ts";
export * from "./src/ledger/leases.ts";
export * from "./src/ledger/memory_ledger.ts";
export * from "./src/ledger/published_answers.ts";
export * from "./src/ledger/records.ts";
export * from "./src/ledger/table.ts";
export * from "./src/flow/service.ts";
