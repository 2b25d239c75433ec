import type { Settings } from "./settings.ts";
import { PROFILES } from "./x509/profiles.ts";

/** Whose habits the authority can have: two programs, and four CAs as they were found at the end of 2026. */
export type Like = "boulder" | "pebble" | "letsencrypt" | "zerossl" | "gts" | "step-ca";

/** What differs from one CA to another where the RFCs leave a choice. */
export type Habits = Pick<
  Settings,
  | "noProfile"
  | "authzReuse"
  | "orderReuse"
  | "listing"
  | "finalizeLocation"
  | "orderError"
  | "ordersPerPage"
  | "directoryNoise"
>;

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const BOULDER = {
  noProfile: "first",
  authzReuse: 1,
  orderReuse: true,
  listing: "sorted",
  finalizeLocation: true,
  orderError: false,
  ordersPerPage: 0,
  directoryNoise: true,
} as const satisfies Habits;

const PEBBLE = {
  noProfile: "random",
  authzReuse: 0.5,
  orderReuse: false,
  listing: "shuffled",
  finalizeLocation: false,
  orderError: true,
  ordersPerPage: 3,
  directoryNoise: false,
} as const satisfies Habits;

/** A CA that is neither: no order is handed back, none is listed, the profile is the only one. */
const OTHER = { ...BOULDER, orderReuse: false, directoryNoise: false } as const satisfies Habits;

/** The external account that ZeroSSL's and Google's likes know, unless others are set. */
export const EXTERNAL_ACCOUNT = {
  kid: "kid-1",
  hmacKey: "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
} as const;

const EXTERNAL = { externalAccounts: { [EXTERNAL_ACCOUNT.kid]: EXTERNAL_ACCOUNT.hmacKey } } as const;
const NINETY_DAYS = { "": { description: "90 days", lifetimeMs: 90 * DAY, commonName: true } } as const;

/** Settings by whom the authority is like; what is told apart wins. */
export const HABITS: Readonly<Record<Like, Partial<Settings> & Habits>> = {
  boulder: BOULDER,
  pebble: PEBBLE,
  // Renewal information, profiles, the same order for the same names; no list of orders; Retry-After 3 s on orders.
  letsencrypt: {
    ...BOULDER,
    profiles: PROFILES,
    challenges: ["http-01", "dns-01", "tls-alpn-01"],
    retryAfter: { order: { seconds: 3, form: "seconds" } },
    issuanceDelayMs: 1_000,
    authorizationLifetimeMs: 10 * DAY,
  },
  // A hint of a day on authorizations that are decided in seconds; a proxy in front that answers 429 with a web page.
  zerossl: {
    ...OTHER,
    ...EXTERNAL,
    profiles: NINETY_DAYS,
    renewalInfo: false,
    challenges: ["http-01", "dns-01"],
    retryAfter: { order: { seconds: 15, form: "seconds" }, authorization: { seconds: 86_400, form: "seconds" } },
    issuanceDelayMs: 120_000,
    authzReuse: 0,
    requests: { perSecond: 7, burst: 20, refusal: "html" },
  },
  // A binding is good for one account.
  gts: {
    ...OTHER,
    ...EXTERNAL,
    externalAccountOnce: true,
    profiles: NINETY_DAYS,
    challenges: ["http-01", "dns-01", "tls-alpn-01"],
    retryAfter: { order: { seconds: 5, form: "seconds" } },
    issuanceDelayMs: 5_000,
  },
  // 24 hours, a root of its own; a connection that fails leaves the challenge open until the client asks again.
  "step-ca": {
    ...OTHER,
    profiles: { "": { description: "24 hours", lifetimeMs: DAY, commonName: true } },
    renewalInfo: false,
    challenges: ["http-01", "dns-01", "tls-alpn-01"],
    finalize: "valid",
    authzReuse: 0,
    ordersPerPage: 100,
    orderLifetimeMs: DAY,
    authorizationLifetimeMs: DAY,
    unreachable: "pending",
  },
};
