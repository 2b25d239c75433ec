import type { Hooks } from "./faults/hooks.ts";
import type { FaultSpec } from "./faults/spec.ts";
import { HABITS, type Habits, type Like } from "./habits.ts";
import type { NonceSettings } from "./nonces.ts";
import type { RequestLimit } from "./request_limit.ts";
import type { ChallengeType } from "./state/types.ts";
import { loopback, type Resolver } from "./validate/resolver.ts";
import type { ListenerFlaw } from "./x509/listener.ts";
import { type Profile, PROFILES } from "./x509/profiles.ts";

/** How the authority behaves; every field has a default. Times are milliseconds. */
export interface Settings extends NonceSettings {
  /** Whose habits it has where the RFCs leave a choice; each can be set apart as well. */
  readonly like: Like;
  /** All that is left to chance follows from it, but for keys. */
  readonly seed: string;
  /** The authority's clock: what expires, dates of certificates and answers. */
  readonly now: () => Date;

  /** Where it listens; port 0 takes a free one. */
  readonly hostname: string;
  /** See `hostname`. */
  readonly port: number;
  /** https, by a certificate of its own; see `tlsRootPem`. */
  readonly tls: boolean;
  /** What is wrong with that certificate. */
  readonly tlsFlaw: ListenerFlaw | undefined;

  /** MAC keys by kid, base64url: with any, a new account needs a binding (RFC 8555 §7.3.4). */
  readonly externalAccounts: Readonly<Record<string, string>>;
  /** Each binding is good for one account, as Google's are. */
  readonly externalAccountOnce: boolean;

  /** When to renew is told (RFC 9773). */
  readonly renewalInfo: boolean;
  /** How many requests may come; undefined for any number. */
  readonly requests: RequestLimit | undefined;
  /** What certificates can be had; the first is the default. One without a name is the only one, and not spoken of. */
  readonly profiles: Readonly<Record<string, Profile>>;
  /** What an order gets that asks for none: the first profile, or one by chance. */
  readonly noProfile: "first" | "random";
  /** Names that are never issued for, with all below them. */
  readonly blocked: readonly string[];
  /** Of one order. */
  readonly maxNames: number;
  /** Offered for names without wildcard; a wildcard is only ever offered dns-01. */
  readonly challenges: readonly ChallengeType[];
  /** Share of valid authorizations that a new order takes over. */
  readonly authzReuse: number;
  /** An order for the same names and profile that is pending or ready is handed back. */
  readonly orderReuse: boolean;
  /** Whether identifiers and authorizations come by name or in any order. */
  readonly listing: "sorted" | "shuffled";
  /** What an answer to finalize says: the certificate is made after it, or before. */
  readonly finalize: "processing" | "valid";
  /** An answer to finalize names the order's URL. */
  readonly finalizeLocation: boolean;
  /** A failed validation is told in the order as well. */
  readonly orderError: boolean;
  /** Orders on a page of an account's list; 0 keeps none. */
  readonly ordersPerPage: number;
  /** A field in the directory that means nothing. */
  readonly directoryNoise: boolean;
  /** How long an order may stay open. */
  readonly orderLifetimeMs: number;
  /** How long a valid authorization may be used again. */
  readonly authorizationLifetimeMs: number;
  /** From finalize to the certificate, by the authority's clock. */
  readonly issuanceDelayMs: number;
  /** What an answer says that has to be asked for again; no header where undefined. By resource, or the same for all. */
  readonly retryAfter: RetryAfter | Readonly<Partial<Record<Unfinished, RetryAfter>>> | undefined;
  /** Chains besides the first, each up to a root of its own. */
  readonly alternates: number;

  /** Where http-01 is asked for, and redirects may lead. */
  readonly httpPort: number;
  /** Where tls-alpn-01 and tls-sni-01 are asked for, and https redirects may lead. */
  readonly tlsPort: number;
  /** How names are looked up; all are 127.0.0.1 unless told. */
  readonly resolver: Resolver;
  /** From the answer to the first look. */
  readonly validationDelayMs: number;
  /** For one validation, all vantage points together. */
  readonly validationTimeoutMs: number;
  /** How many places ask for one challenge; the first is the CA itself. */
  readonly vantagePoints: number;
  /** How many of the others may fail. */
  readonly vantageFailures: number;
  /** What becomes of a challenge where nobody could be reached; pending, it can be asked for again (RFC 8555 §8.2). */
  readonly unreachable: "invalid" | "pending";
  /** Every challenge is believed. */
  readonly alwaysValid: boolean;

  /** What goes wrong on purpose: entries of the catalogue, as data or in their short form; see {@linkcode FaultSpec}. */
  readonly faults: readonly (FaultSpec | string)[];
  /** What the catalogue does not have. */
  readonly hooks: Hooks;
  /** Where faults can be listed, set and cleared while it runs, on loopback; 0 takes a free port, undefined none. */
  readonly controlPort: number | undefined;
}

/** Resources that are asked for again until they are finished. */
export type Unfinished = "order" | "authorization" | "challenge";

/** Retry-After, in seconds or as an HTTP date (RFC 8555 §6.6, RFC 9110 §10.2.3). */
export interface RetryAfter {
  /** From the answer on. */
  readonly seconds: number;
  /** `either` by chance, as Pebble. */
  readonly form: "seconds" | "date" | "either";
}

/** What {@linkcode Settings} can be told. */
export type AuthorityOptions = Partial<Settings>;

const HOUR = 3_600_000;

const DEFAULTS: Omit<Settings, keyof Habits> = {
  like: "boulder",
  seed: "1",
  now: () => new Date(),
  hostname: "127.0.0.1",
  port: 0,
  tls: false,
  tlsFlaw: undefined,
  nonceLifetimeMs: HOUR,
  nonceReject: 0,
  externalAccounts: {},
  externalAccountOnce: false,
  renewalInfo: true,
  requests: undefined,
  profiles: PROFILES,
  blocked: [],
  maxNames: 100,
  challenges: ["http-01", "dns-01", "tls-alpn-01", "tls-sni-01"],
  finalize: "processing",
  orderLifetimeMs: 7 * 24 * HOUR,
  authorizationLifetimeMs: 30 * 24 * HOUR,
  issuanceDelayMs: 0,
  retryAfter: undefined,
  alternates: 0,
  httpPort: 80,
  tlsPort: 443,
  resolver: loopback(),
  validationDelayMs: 0,
  validationTimeoutMs: 10_000,
  vantagePoints: 1,
  vantageFailures: 0,
  unreachable: "invalid",
  alwaysValid: false,
  faults: [],
  hooks: {},
  controlPort: undefined,
};

/** Fills in what was not told. */
export function settingsOf(options: AuthorityOptions): Settings {
  return { ...DEFAULTS, ...HABITS[options.like ?? DEFAULTS.like], ...options };
}
