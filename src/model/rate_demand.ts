import { baseName, type DnsName, nameSet } from "./dns_name.ts";
import type { Counted, Per, RateLimit, Renewal } from "./rates.ts";

/** Finds the domain that was registered, by the list of public suffixes; a name that is one itself is its own. */
export type RegisteredDomain = (name: DnsName) => string;

/** What is about to be asked of the CA. */
export interface RateQuestion {
  /** The kind of request. */
  readonly ask: "register" | "newOrder" | "respond" | "finalize";
  /** URL of the account; absent for the one that is about to be made. */
  readonly account?: URL;
  /** The names that it is about. */
  readonly names: readonly DnsName[];
  /** Why it may be free of limits. */
  readonly renewal?: Renewal;
}

/** What a question wants of one bucket. */
export interface RateDemand {
  /** The limit. */
  readonly limit: RateLimit;
  /** Which of the limit's buckets. */
  readonly key: string;
  /** A token; that one is free and stays so until the CA has answered; that one is free; to be counted, free or not. */
  readonly want: "take" | "hold" | "see" | "count";
}

/** What each kind of request takes, and what must be free for it: a CA looks at all limits when the order is placed. */
const WANTS: Readonly<Record<RateQuestion["ask"], Partial<Record<Counted, RateDemand["want"]>>>> = {
  register: { account: "take" },
  newOrder: { order: "take", certificate: "hold", failure: "see" },
  respond: { failure: "see" },
  finalize: { certificate: "take" },
};

/** Decides which buckets a question touches, and how. */
export function demandsOf(
  limits: readonly RateLimit[],
  question: RateQuestion,
  registeredDomain: RegisteredDomain,
): readonly RateDemand[] {
  return limits.flatMap((limit) => {
    const want = WANTS[question.ask][limit.counts];
    if (want === undefined) return [];
    const exempt = question.renewal !== undefined && limit.exempt.includes(question.renewal);
    // Boulder holds no exempt order back, but counts its certificate for the set of names (countCertificateIssued).
    if (exempt && !(question.ask === "finalize" && limit.per === "names")) return [];
    const keys = keysOf(limit.per, question, registeredDomain);
    return keys.map((key) => ({ limit, key, want: exempt ? "count" : want }));
  });
}

/** What an authorization that became invalid counts for. */
export function failureDemands(
  limits: readonly RateLimit[],
  account: URL,
  name: DnsName,
  registeredDomain: RegisteredDomain,
): readonly RateDemand[] {
  const about = { account, names: [name] };
  return limits.filter((limit) => limit.counts === "failure").flatMap((limit) =>
    keysOf(limit.per, about, registeredDomain).map((key): RateDemand => ({ limit, key, want: "count" }))
  );
}

/** The keys of the buckets: the same text for everything that shares one. */
export function keysOf(
  per: Per,
  { account, names }: Pick<RateQuestion, "account" | "names">,
  registeredDomain: RegisteredDomain,
): readonly string[] {
  switch (per) {
    case "address":
      return [""];
    case "account":
      return [account?.href ?? ""];
    case "domain":
      return [...new Set(names.map((name) => registeredDomain(baseName(name))))];
    case "names":
      return [nameSet(names)];
    case "name":
      return [...new Set(names.map((name) => `${account?.href ?? ""} ${baseName(name)}`))];
  }
}
