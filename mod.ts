/**
 * Certificates from an ACME CA, kept in a vault, swapped into a running HAProxy.
 *
 * Plumbing: {@linkcode acmeAuthority} speaks RFC 8555, {@linkcode generateKey} and {@linkcode createCsr} make what it sends.
 * Porcelain: {@linkcode certificates} and {@linkcode keeper} do the whole job on the ports of `src/ports.ts`.
 *
 * @module
 */
export * from "./src/model/aside.ts";
export * from "./src/model/attempt.ts";
export * from "./src/model/backoff.ts";
export * from "./src/model/balancer_plan.ts";
export * from "./src/model/brand.ts";
export * from "./src/model/by_hand.ts";
export * from "./src/model/certificate.ts";
export * from "./src/model/chain_facts.ts";
export * from "./src/model/challenge_type.ts";
export * from "./src/model/dns_name.ts";
export * from "./src/model/errors.ts";
export * from "./src/model/explain.ts";
export * from "./src/model/failure_classes.ts";
export * from "./src/model/inventory.ts";
export * from "./src/model/judge.ts";
export * from "./src/model/key_authorization.ts";
export * from "./src/model/key_type.ts";
export * from "./src/model/order.ts";
export * from "./src/model/plan.ts";
export * from "./src/model/problem.ts";
export * from "./src/model/quarantine.ts";
export type { RateDemand, RateQuestion, RegisteredDomain } from "./src/model/rate_demand.ts";
export { LETSENCRYPT_LIMITS, readRateLimits } from "./src/model/rate_limits.ts";
export * from "./src/model/rates.ts";
export * from "./src/model/records.ts";
export * from "./src/model/renewal.ts";
export * from "./src/model/renewal_record.ts";
export * from "./src/model/retry_after.ts";
export * from "./src/model/revocation.ts";
export * from "./src/model/secret_name.ts";
export * from "./src/model/trust.ts";
export * from "./src/model/twins.ts";
export * from "./src/model/verdict.ts";
export * from "./src/ports.ts";
export { generateAccountKey, importAccountKey } from "./src/x509/account_key.ts";
export { chainMatches, readBundle } from "./src/x509/bundle.ts";
export { certificateFacts } from "./src/x509/certificate.ts";
export { appraise, type Appraised, type Expected, makeBundle } from "./src/x509/check_chain.ts";
export { createCsr } from "./src/x509/csr.ts";
export { placeholderCertificate } from "./src/x509/placeholder_certificate.ts";
export { generateKey, importKey, type KeyPair } from "./src/x509/keys.ts";
export { sniChallengeCertificate } from "./src/x509/sni_challenge_certificate.ts";
export { acmeAuthority, type AcmeAuthorityOptions, type AnswerNote } from "./src/acme/authority.ts";
export { registeredDomain } from "./src/suffixes/registered_domain.ts";
export { dns01ByHandSolver } from "./src/challenge/dns01_by_hand.ts";
export { dnsContent, recordName } from "./src/challenge/dns_record.ts";
export { type Http01Parts, http01Solver } from "./src/challenge/http01.ts";
export { type TlsAlpn01Parts, tlsAlpn01Solver } from "./src/challenge/tls_alpn01.ts";
export { type TlsSni01Parts, tlsSni01Solver } from "./src/challenge/tls_sni01.ts";
export { bundleWrites, readStoredBundle } from "./src/vault/certificate_secrets.ts";
export { memoryVault } from "./src/vault/memory_vault.ts";
export { type OutboxOptions, outboxVault } from "./src/vault/outbox.ts";
export { makeSealer, type Sealer } from "./src/vault/seal.ts";
export { watchedVault } from "./src/vault/watched_vault.ts";
export { normaliseValue } from "./src/vault/value.ts";
export { checkVersion, KEPT_VERSIONS, MAX_VALUE_BYTES, readyWrites } from "./src/vault/writes.ts";
export { type ChangeHub, changeHub } from "./src/ledger/change_hub.ts";
export { checkEntryVersion } from "./src/ledger/entry_version.ts";
export { type Leases, leases } from "./src/ledger/leases.ts";
export { memoryLedger } from "./src/ledger/memory_ledger.ts";
export { publishedAnswers } from "./src/ledger/published_answers.ts";
export { accountId, type Records, recordsOf } from "./src/ledger/records.ts";
export type { Listed, Row, Table } from "./src/ledger/table.ts";
export { type Answers, presentedAnswers } from "./src/flow/answers.ts";
export * from "./src/flow/balancers.ts";
export { closedText } from "./src/flow/closure.ts";
export { type Certificates, certificates, type Interrupted, type Place } from "./src/flow/certificates.ts";
export { limitedAuthority, type LimitedOptions } from "./src/flow/limited_authority.ts";
export { holdText } from "./src/flow/quarantine.ts";
export { type Keeper, keeper } from "./src/flow/keeper.ts";
export type { FlowParts, FlowSettings } from "./src/flow/parts.ts";
export { type Reconcile, reconcile } from "./src/flow/reconcile.ts";
export * from "./src/flow/service.ts";
export * from "./src/flow/trials.ts";
