/**
 * The world as the flow needs it, on one page. Each method says what its implementer owes.
 *
 * @module
 */
import type { AccountKey } from "./model/account_key.ts";
import type { Bundle } from "./model/certificate.ts";
import type { ChallengeCertificate, SniChallengeCertificate } from "./model/challenge_certificate.ts";
import type { ChallengeType } from "./model/challenge_type.ts";
import type { DnsName } from "./model/dns_name.ts";
import type { KeyFamily } from "./model/key_type.ts";
import type { SidecarError } from "./model/errors.ts";
import type { Inventory, InventoryQuestion } from "./model/inventory.ts";
import type { Authorization, Challenge, Order } from "./model/order.ts";
import type { ShadowedName } from "./model/records.ts";
import type { RenewalAnswer } from "./model/renewal_record.ts";
import type { SecretName, VaultName } from "./model/secret_name.ts";

export type { AccountKey, ChallengeCertificate, SniChallengeCertificate };

/** What every call that may wait takes: on abort it ends at once, rejects with `signal.reason`, leaves nothing behind. */
export interface Call {
  /** Ends the call. */
  readonly signal: AbortSignal;
}

// --- The certificate authority: RFC 8555 as values -------------------------------------------------------------------

/** What the directory says about the CA (RFC 8555 §7.1.1). */
export interface AuthorityInfo {
  /** Terms that a new account has to agree to. */
  readonly termsOfService?: URL;
  /** A page about the CA. */
  readonly website?: URL;
  /** Names that a CAA record may allow (RFC 8659). */
  readonly caaIdentities: readonly string[];
  /** A new account needs an external account binding. */
  readonly externalAccountRequired: boolean;
  /** Profile name → description (draft-ietf-acme-profiles). */
  readonly profiles: Readonly<Record<string, string>>;
  /** It tells when a certificate is to be replaced, and takes `replaces` in an order (RFC 9773). */
  readonly renewalInfo?: boolean;
}

/** A request for an account (RFC 8555 §7.3). */
export interface NewAccount {
  /** Contact URLs, for example `mailto:you@example.com`. */
  readonly contact: readonly string[];
  /** Somebody agreed to the terms. */
  readonly termsOfServiceAgreed: boolean;
  /** External account binding (§7.3.4); `hmacKey` is the base64url text that the CA gave out. Secret. */
  readonly externalAccount?: { readonly kid: string; readonly hmacKey: string };
}

/** A request for an order (RFC 8555 §7.4, RFC 9773 §5). */
export interface NewOrder {
  /** What the certificate shall be for. */
  readonly names: readonly DnsName[];
  /** One that the directory offers. */
  readonly profile?: string;
  /** certID of the certificate that this one replaces. */
  readonly replaces?: string;
}

/** An account as its CA shows it (RFC 8555 §7.1.2). */
export interface AccountView {
  /** What is not `valid` can do nothing any more: `deactivated` by its owner (§7.3.6), or `revoked` by the CA. */
  readonly status: "valid" | "deactivated" | "revoked";
  /** Contact URLs; a CA may keep none. */
  readonly contact: readonly string[];
}

/**
 * One CA. Every method sends one request (and again on `badNonce`), rejects with `AcmeProblemError` if the CA refuses,
 * with `SidecarError` `CA_TRANSPORT` if no whole answer came, with `CA_ANSWER` if it was not what RFC 8555 allows.
 */
export interface CertificateAuthority {
  /** The directory URL: the CA's identity in the ledger. */
  readonly directory: URL;
  /** Reads the directory. */
  about(call: Call): Promise<AuthorityInfo>;
  /** newAccount: 201 and 200 both give the account's URL; `ACCOUNT_DEACTIVATED` where the key's account can do nothing. */
  register(key: AccountKey, request: NewAccount, call: Call): Promise<URL>;
  /**
   * newAccount with `onlyReturnExisting` (§7.3.1); undefined where the CA knows no such key. Rejects `ACCOUNT_DEACTIVATED`
   * where the key's account can do nothing any more.
   */
  find(key: AccountKey, call: Call): Promise<URL | undefined>;
  /**
   * Asks once when the CA wants the certificate to be replaced (RFC 9773 §4.1), without an account; undefined where the CA
   * has no such information. An answer that cannot be used has no window; it rejects where the trouble may soon be over.
   */
  renewalInfo(certId: string, call: Call): Promise<RenewalAnswer | undefined>;
  /** Asks once for the time: how far the CA's clock is ahead of ours, in milliseconds; undefined where it does not say. */
  clockOffsetMs(call: Call): Promise<number | undefined>;
  /** The CA as an account of it sees it; sends nothing. */
  as(account: URL, key: AccountKey): AuthorityAccount;
}

/** What an account can ask for. Reads are POST-as-GET (§6.3). */
export interface AuthorityAccount {
  /** The account's URL. */
  readonly url: URL;
  /** Reads the account; one that the CA does not let in any more is `deactivated` (§7.3.6). */
  read(call: Call): Promise<AccountView>;
  /** Puts other contacts in place of all that there are (§7.3.2). */
  update(change: { readonly contact: readonly string[] }, call: Call): Promise<AccountView>;
  /** Deactivates the account, for ever (§7.3.6). */
  deactivate(call: Call): Promise<void>;
  /**
   * Puts another key in place of the account's own (§7.3.5); this object goes on signing with the former. Rejects with
   * `KeyTakenError` if the CA has an account of that key already.
   */
  changeKey(newKey: AccountKey, call: Call): Promise<void>;
  /** Orders a certificate (§7.4). */
  newOrder(request: NewOrder, call: Call): Promise<Order>;
  /** URLs of the account's unfinished orders (§7.1.2.1), page after page; empty where the CA keeps no list, as Boulder. */
  orders(call: Call): AsyncIterable<URL>;
  /** Reads an order. */
  order(url: URL, call: Call): Promise<Order>;
  /** Reads an authorization (§7.5). */
  authorization(url: URL, call: Call): Promise<Authorization>;
  /** Tells the CA that the challenge's answer is in place (§7.5.1). */
  respond(challenge: URL, call: Call): Promise<Challenge>;
  /** Sends the CSR (§7.4). `order` keeps its own URL: the answer may come without Location. */
  finalize(order: Order, csr: Uint8Array<ArrayBuffer>, call: Call): Promise<Order>;
  /** Downloads the chain, and says where the alternate ones are (§7.4.2). */
  certificate(url: URL, call: Call): Promise<{ readonly pem: string; readonly alternates: readonly URL[] }>;
  /** Revokes a certificate of this account (§7.6); one that is revoked already counts as done. */
  revoke(certificate: Uint8Array<ArrayBuffer>, reason: 0 | 1 | 4 | 5, call: Call): Promise<void>;
  /** Where limits of our own hold requests back: the account for a person who insists. What the CA said binds it too. */
  readonly insisting?: AuthorityAccount;
}

// --- Challenges ------------------------------------------------------------------------------------------------------

/** What has to be seen by the CA for one challenge. */
export interface ChallengeAnswer {
  /** How the name is proven. */
  readonly type: ChallengeType;
  /** The name, with `*.` where it is a wildcard. */
  readonly name: DnsName;
  /** The challenge's token. */
  readonly token: string;
  /** token "." thumbprint (RFC 8555 §8.1). */
  readonly keyAuthorization: string;
  /** The balancer that answers, where one does. */
  readonly balancer?: string;
}

/**
 * Makes one type of challenge answerable. `present` is quick and idempotent: after a restart the same answer is simply
 * presented again.
 */
export interface ChallengeSolver {
  /** The type that it answers. */
  readonly type: ChallengeType;
  /** Makes the answer visible to the CA. */
  present(answer: ChallengeAnswer, call: Call): Promise<Presented>;
  /** Why nobody can answer it as things are configured; undefined, or no such method, where somebody can. */
  readonly obstacle?: (answer: Pick<ChallengeAnswer, "name" | "balancer">) => SidecarError | undefined;
  /** Where a person has to set it: the TXT record (RFC 8555 §8.4). */
  readonly record?: (answer: ChallengeAnswer) => Promise<{ readonly name: string; readonly content: string }>;
}

/** An answer that is up. Disposing takes it down: idempotent, under its own deadline. */
export interface Presented extends AsyncDisposable {
  /** Resolves once the answer was seen on the way that the CA will take; rejects `CHALLENGE_NOT_READY` if it is not. */
  settled(call: Call): Promise<void>;
}

/** Where http-01 answers are published, so that any sidecar on the same ledger can give them. */
export interface PublishedAnswers {
  /** Publishes an answer, on disk when it resolves. */
  publish(token: string, keyAuthorization: string, call: Call): Promise<void>;
  /** Takes it back; nothing happens where there is none. */
  withdraw(token: string, call: Call): Promise<void>;
  /** The key authorization of a token. */
  find(token: string, call: Call): Promise<string | undefined>;
}

/** Looks up DNS as the CA would. */
export interface DnsLookup {
  /** All TXT values at the name, CNAMEs followed, the strings of one record joined; none where there is no record. */
  txt(name: string, call: Call): Promise<readonly string[]>;
}

// --- The vault: secrets ----------------------------------------------------------------------------------------------

/** What `vault list` shows. */
export interface SecretEntry {
  /** Name of the secret. */
  readonly name: SecretName;
  /** When it was written first. */
  readonly createdAt: Date;
  /** When it was written again, if ever. */
  readonly updatedAt?: Date;
}

/** One version of a secret. */
export interface Secret {
  /** The text. Secret. */
  readonly value: string;
  /** Counts from 1 and never repeats, also after the secret was removed; 0 while it waits for a vault that is away. */
  readonly version: number;
  /** When the secret was written first. */
  readonly createdAt: Date;
  /** When this version was written, if it is not the first. */
  readonly updatedAt?: Date;
}

/** One write among several that happen together. */
export interface SecretWrite {
  /** Secret or internal record. */
  readonly name: VaultName;
  /** The text. Secret. */
  readonly value: string;
  /** The version that must be current, 0 for "must not exist"; a difference rejects with `CONFLICT`. */
  readonly ifVersion?: number;
}

/** A change of the vault. With `mayWait` it counts as made once it waits in a sealed outbox, where the vault has one. */
export type VaultChange = Call & { readonly mayWait?: boolean };

/**
 * Named secrets, sealed at rest. One that cannot be reached rejects with `VAULT_UNAVAILABLE`, one that refuses us with
 * `VAULT_DENIED`: both are states that pass.
 */
export interface Vault extends AsyncDisposable {
  /** Rejects where a write would not arrive now: what rests on one is not begun then. */
  ready(call: Call): Promise<void>;
  /** The secrets by name, without values; internal records are left out. */
  list(call: Call): Promise<readonly SecretEntry[]>;
  /** The current version; undefined where there is none. */
  read(name: VaultName, call: Call): Promise<Secret | undefined>;
  /** All of it or nothing, on disk when it resolves. The values before are kept as earlier versions. */
  write(writes: readonly SecretWrite[], call: VaultChange): Promise<void>;
  /** Removes the secret and its earlier versions; false if there was none. */
  remove(name: VaultName, call: VaultChange): Promise<boolean>;
  /** The earlier versions that are still kept and can be opened, newest first, without the current one. */
  history(name: VaultName, call: Call): Promise<readonly Secret[]>;
  /** Where it can tell: calls `listener` after each write and removal, until the signal aborts. */
  readonly watch?: (listener: (names: readonly VaultName[]) => void, call: Call) => void;
}

/** One entry of an outbox, sealed. */
export interface OutboxEntry {
  /** Sorts in the order in which the entries were put. */
  readonly id: string;
  /** What `Sealer.seal` made. */
  readonly sealed: Uint8Array<ArrayBuffer>;
}

/** Where sealed changes wait for a vault that is away: a place of its own, on this machine. */
export interface Outbox {
  /** All entries, sorted by id. */
  list(call: Call): Promise<readonly OutboxEntry[]>;
  /** Adds an entry, on disk when it resolves. */
  put(entry: OutboxEntry, call: Call): Promise<void>;
  /** Removes an entry; nothing happens where there is none. */
  remove(id: string, call: Call): Promise<void>;
}

// --- The ledger: state that is not secret ----------------------------------------------------------------------------

/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A value in the ledger. */
export interface LedgerEntry {
  /** Its key. */
  readonly key: string;
  /** Its value. */
  readonly value: Json;
  /** Counts up with each change of the whole ledger (as etcd's mod_revision). */
  readonly version: number;
}

/** What is new below a prefix, for somebody who knows the rest. */
export interface LedgerNews {
  /** The entries that were written since, sorted by key. */
  readonly entries: readonly LedgerEntry[];
  /** How many entries there are in all: where fewer than were known and are new, some were removed. */
  readonly count: number;
}

/** A key that changed; without `value` it was removed. */
export interface LedgerChange {
  /** The key that changed. */
  readonly key: string;
  /** The new value. */
  readonly value?: Json;
  /** Version of the change. */
  readonly version: number;
}

/** A right that only one holder has at a time. Disposing gives it up. */
export interface Lease extends AsyncDisposable {
  /** Grows with each grant of the name: a write that carries an older one is refused by whoever checks. */
  readonly token: number;
  /** Aborts when the lease is lost. */
  readonly signal: AbortSignal;
}

/** A versioned key-value store. Keys are text with `/` between parts. */
export interface Ledger extends AsyncDisposable {
  /** The entry; undefined where there is none. */
  get(key: string, call: Call): Promise<LedgerEntry | undefined>;
  /**
   * Writes, on disk when it resolves, and returns the new version. `ifVersion` must be current, 0 for "must not exist"; a
   * difference rejects with `CONFLICT`.
   */
  put(key: string, value: Json, call: Call & { readonly ifVersion?: number }): Promise<number>;
  /** Removes the key; nothing happens where there is none. */
  remove(key: string, call: Call): Promise<void>;
  /** All entries whose key begins with `prefix`, sorted by key. */
  list(prefix: string, call: Call): Promise<readonly LedgerEntry[]>;
  /** Ability: what {@linkcode Ledger.list} would show below `prefix`, without the entries up to `version`. */
  news?(prefix: string, version: number, call: Call): Promise<LedgerNews>;
  /** Changes below `prefix` from now on, until the signal aborts; then it just ends. */
  watch(prefix: string, call: Call): AsyncIterable<LedgerChange>;
  /** Takes the lease, waiting for its holder; lost `ttlMs` after the holder vanished. */
  lease(name: string, ttlMs: number, call: Call): Promise<Lease>;
}

// --- The load balancer -----------------------------------------------------------------------------------------------

/** A bundle on its way to a balancer. Its checks (key, names, chain, dates) are behind it. */
export interface Candidate {
  /** Base name of its file, unique among our certificates, for example `LE_CERTIFICATE_example_com.pem`. */
  readonly file: string;
  /** What shall be served. */
  readonly bundle: Bundle;
}

/** A file of ours as the vault has it. */
export interface StoredFile {
  /** Its base name. */
  readonly file: string;
  /** Its text. Secret. */
  readonly pem: string;
}

/** What became of a swap that was proven. */
export interface SwapReport {
  /** What had to be done. */
  readonly kind: "replaced" | "added" | "unchanged";
  /** Names that another certificate on that balancer answers: reported, not failed. */
  readonly shadowed: readonly ShadowedName[];
}

/** With `family` it is asked as a client that knows only keys of that algorithm: one of the other kind does not hide it. */
export type ServedCall = Call & { readonly family?: KeyFamily };

/** Which certificate a balancer answers a name with. */
export interface Served {
  /** The name that was asked for. */
  readonly name: DnsName;
  /** SHA-256 of the leaf, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** Lower-case hexadecimal. */
  readonly serial: string;
  /** End of its validity, where the balancer's adapter reads it. */
  readonly notAfter?: Date;
}

/** What one needs to know of a balancer to judge it; a balancer without a runtime socket does not tell it. */
export interface BalancerState {
  /** Version of HAProxy, for example `2.6.12`. */
  readonly version?: string;
  /** Process id of the worker that answers. */
  readonly pid?: number;
}

/** A running load balancer. Calls to one of them are carried out in turn. */
export interface LoadBalancer {
  /** As `LOAD_BALANCERS` names it. */
  readonly name: string;
  /** What it is, for people: `haproxy` or `kontena`. */
  readonly kind: string;
  /**
   * Asks the balancer about itself; rejects `BALANCER_UNREACHABLE` if it does not answer, `BALANCER_CONFIG` if the places
   * that it shall serve from are not there.
   */
  state(call: Call): Promise<BalancerState>;
  /**
   * A text that differs as soon as the balancer was started anew, reloaded or replaced by somebody else, as far as that can be
   * seen without a runtime socket; it is asked for each second, so it costs next to nothing. Rejects `BALANCER_UNREACHABLE`.
   */
  sign(call: Call): Promise<string>;
  /**
   * Where it can tell: base names of files of the last inventory that somebody else has changed on disk since, each change
   * once. It is asked for each second too; of thousands of files it may look at some each time.
   */
  readonly changed?: (call: Call) => Promise<readonly string[]>;
  /** Looks what it has on disk and in memory, in one go for any number of files. */
  inventory(question: InventoryQuestion, call: Call): Promise<Inventory>;
  /** Serves the candidate to new connections and proves it for every name, or goes on serving the old one and rejects. */
  swap(candidate: Candidate, call: Call): Promise<SwapReport>;
  /**
   * Where it can: puts back what was proven on it before and somebody else has changed since, many at once. What it does not
   * return is left to `swap`; what it does return is still to be proven.
   */
  readonly restore?: (files: readonly StoredFile[], call: Call) => Promise<ReadonlySet<string>>;
  /** Stops serving the file and removes it; nothing happens where there is none. */
  remove(file: string, call: Call): Promise<void>;
  /** Asks by a new TLS connection for each name. */
  served(names: readonly DnsName[], call: ServedCall): Promise<readonly Served[]>;
  /** Where it can answer tls-alpn-01. */
  readonly alpn?: AlpnAnswering;
  /** Why it never can, and what it can instead, for the error; absent where a setting is all that is missing. */
  readonly noAlpn?: string;
  /** Where it can answer tls-sni-01. */
  readonly sni?: SniAnswering;
  /** Where http-01 needs a route that is opened for each name. */
  readonly routes?: HttpRouting;
  /** How it has to be wired, and whether it is. */
  readonly wiring: Wiring;
  /** Where its plain HTTP face is known: asks it for `path` under the host `name`. */
  readonly http?: (name: DnsName, path: string, call: Call) => Promise<{ status: number; body: string }>;
}

/** The ability to serve challenge certificates to clients that offer only `acme-tls/1`. */
export interface AlpnAnswering {
  /** Serves it; a former one for the name is replaced. */
  answer(certificate: ChallengeCertificate, call: Call): Promise<void>;
  /** Asks for the name with ALPN `acme-tls/1`; rejects `CHALLENGE_NOT_READY` if another certificate answers. */
  prove(certificate: ChallengeCertificate, call: Call): Promise<void>;
  /** Stops answering for the name; idempotent. */
  withdraw(name: DnsName, call: Call): Promise<void>;
}

/**
 * The ability to serve challenge certificates under their own names, beside everything else that is served: by a balancer, or
 * by a listener of the sidecar. What answers other names, and clients that name none, stays the same.
 */
export interface SniAnswering {
  /** Serves it under its `serverName`; a former one for the same `name` is replaced. */
  answer(certificate: SniChallengeCertificate, call: Call): Promise<void>;
  /** Stops serving the one for the name; idempotent. */
  withdraw(name: DnsName, call: Call): Promise<void>;
}

/** The ability to send http-01 requests for a name to the sidecar, where no standing route does. */
export interface HttpRouting {
  /** How long a change may take until it is seen, in milliseconds. */
  readonly settleMs: number;
  /** What to do where the answer is not seen although the route is open. */
  readonly todo: string;
  /** Opens the route for the name; idempotent. */
  open(name: DnsName, call: Call): Promise<void>;
  /** Closes it; idempotent. */
  close(name: DnsName, call: Call): Promise<void>;
}

/** One thing that a balancer needs, and what became of trying it. */
export interface WiringPart {
  /** For example `runtime socket`. */
  readonly part: string;
  /** `untried`: it is not used as things are configured, or something that it stands on is missing. */
  readonly state: "ok" | "missing" | "untried";
  /** What was found, a sentence without a period. */
  readonly found: string;
  /** What to do about it. */
  readonly todo?: string;
  /** Challenges that nobody can see the answer of without it: while it is missing, they are not tried. */
  readonly carries?: readonly ChallengeType[];
}

/** What an operator has to set up for a balancer. */
export interface Wiring {
  /** The lines for its configuration, exact for the version that runs; where none answers, for the oldest that will do. */
  lines(call: Call): Promise<string>;
  /** Tries each part, in order, and leaves nothing behind; rejects only on abort. Challenges are tried by their solvers. */
  check(call: Call): Promise<readonly WiringPart[]>;
}

// --- Time, chance, people --------------------------------------------------------------------------------------------

/** The clock on the wall, and waiting. */
export interface Clock {
  /** The time of day. */
  now(): Date;
  /** Waits `ms` milliseconds; any length, also beyond 24.8 days. */
  sleep(ms: number, call: Call): Promise<void>;
  /** A number in [0, 1). */
  random(): number;
}

/** Something worth telling, for people and machines. `fields` never hold a secret. */
export interface Event {
  /** How urgent it is. */
  readonly level: "debug" | "info" | "warn" | "error";
  /** Stable name, for example `certificate.stored`. */
  readonly name: string;
  /** A sentence for people, without a period. */
  readonly text: string;
  /** The same for machines. */
  readonly fields?: Readonly<Record<string, string | number | boolean>>;
}

/** Takes events; never throws, never waits. */
export interface Events {
  /** Takes one event. */
  emit(event: Event): void;
}
