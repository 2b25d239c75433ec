import { RateLimitedError } from "./errors.ts";
import type { RateDemand } from "./rate_demand.ts";
import type { Endpoint, Scope } from "./rate_scope.ts";
import type { Counted, Per, RateLimit } from "./rates.ts";

const NOUNS: Readonly<Record<Counted, string>> = {
  account: "new accounts",
  order: "new orders",
  certificate: "certificates",
  failure: "failed authorizations",
};

const WHOSE: Readonly<Record<Per, (key: string) => string>> = {
  address: () => "from this address",
  account: () => "of this account",
  domain: (key) => `for the registered domain ${key}`,
  names: (key) => `for exactly ${shortened(key.replaceAll(",", ", "))}`,
  name: (key) => `for ${key.split(" ").at(-1)}`,
};

const DEEDS: Readonly<Record<Endpoint, string>> = {
  directory: "read the CA's directory",
  renewalInfo: "ask for renewal information",
  newAccount: "register with the CA",
  account: "ask about the account",
  keyChange: "change the account's key",
  newOrder: "create the order",
  orders: "list the orders",
  order: "read the order",
  authorization: "read the authorization",
  challenge: "start the challenge",
  finalize: "finalize the order",
  certificate: "download the certificate",
  revokeCert: "revoke the certificate",
};

/** What a bucket that refuses looks like. */
export interface Refusal {
  readonly demand: Pick<RateDemand, "limit" | "key">;
  /** Tokens taken. */
  readonly used: number;
  /** When the next one is free. */
  readonly freeAt: Date;
  /** When it is the asker's turn: others may have come before. */
  readonly turnAt: Date;
}

/** Name of the limit that stands for one of the CA that we do not know: after its refusal it is asked slowly. */
export const PACE = "pace";

/** What is used up, in a sentence. */
export function usedText({ demand: { limit, key }, used }: Refusal): string {
  if (limit.name === PACE) return `the CA refused lately, so it is asked once every ${span(limit.refillMs)}`;
  return `${used} of ${limit.capacity} ${limitText(limit, key)} are used (one comes back every ${
    span(limit.refillMs)
  })`;
}

/** The error for a limit that is used up; the CA was not asked. */
export function usedUp(endpoint: Endpoint, refusal: Refusal): RateLimitedError {
  const { freeAt, turnAt } = refusal;
  const free = turnAt > freeAt
    ? `the next is free at ${freeAt.toISOString()}, others wait for it, the turn here is at ${turnAt.toISOString()}`
    : `the next is free at ${freeAt.toISOString()}`;
  const again = endpoint === "newAccount" ? "repeat the command then" : "repeat the command then, or get it with --now";
  return new RateLimitedError(
    `Cannot ${DEEDS[endpoint]}: ${usedText(refusal)}; ${free}; the CA was not asked`,
    { retryAt: turnAt, todo: again },
  );
}

/** The error for a request that the CA asked not to send yet. */
export function bound(endpoint: Endpoint, until: Date, why: string, stated: boolean): RateLimitedError {
  const asked = stated
    ? `the CA asked to wait until ${until.toISOString()}`
    : `the CA refused and gave no time; it is asked again at ${until.toISOString()}`;
  return new RateLimitedError(`Cannot ${DEEDS[endpoint]}: ${asked} (${why})`, {
    retryAt: until,
    todo: "repeat the command then; --now does not override what the CA asked",
  });
}

/** For example "certificates for the registered domain example.com". */
export function limitText({ counts, per }: RateLimit, key: string): string {
  return `${NOUNS[counts]} ${WHOSE[per](key)}`;
}

/** What a wait holds back, for people. */
export function scopeText({ endpoint, per, key }: Scope): string {
  const what = endpoint === "*" ? "all requests" : `requests to ${DEEDS[endpoint]}`;
  return per === "address" ? what : `${what} ${WHOSE[per](key)}`;
}

/** A time span in the largest unit that keeps three figures: 36 s, 12 min, 33.6 h. */
export function span(ms: number): string {
  const units = [["d", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1_000]] as const;
  const [unit, size] = units.find(([, size]) => ms >= 2 * size) ?? ["s", 1_000];
  return `${Number((ms / size).toPrecision(3))} ${unit}`;
}

function shortened(text: string): string {
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
