import { baseName, type DnsName, nameSet } from "./dns_name.ts";
import { AcmeProblemError, type SidecarError } from "./errors.ts";
import { identifiersIn, isProblem } from "./problem.ts";
import type { RegisteredDomain } from "./rate_demand.ts";
import type { Per } from "./rates.ts";

/** A request as the CA's "wait" may be about it. */
export interface Asked {
  /** The endpoint: what may be asked again when the wait for it is over. */
  readonly endpoint: Endpoint;
  /** URL of the account, once there is one. */
  readonly account?: URL;
  /** The names of an order. */
  readonly names?: readonly DnsName[];
}

/** What can be asked of a CA; the key is looked up where an account is made. */
export type Endpoint =
  | "directory"
  | "renewalInfo"
  | "newAccount"
  | "account"
  | "keyChange"
  | "newOrder"
  | "orders"
  | "order"
  | "authorization"
  | "challenge"
  | "finalize"
  | "certificate"
  | "revokeCert";

/** What a "wait" holds back: requests to the endpoint, or all there are, that are about the same thing. */
export interface Scope {
  readonly endpoint: Endpoint | "*";
  /** What they have in common; `address` is all of them. */
  readonly per: Per;
  /** Which of them. */
  readonly key: string;
}

/** All scopes that a request falls into. */
export function scopesOf(asked: Asked, registeredDomain: RegisteredDomain): readonly Scope[] {
  const { endpoint, account, names = [] } = asked;
  const of = (per: Per, key: string): Scope => ({ endpoint, per, key });
  return [
    { endpoint: "*", per: "address", key: "" },
    of("address", ""),
    ...account === undefined ? [] : [of("account", account.href)],
    ...names.length === 0 ? [] : [of("names", nameSet(names))],
    ...[...domains(names, registeredDomain)].map((domain) => of("domain", domain)),
    ...[...bases(names)].map((name) => of("name", name)),
  ];
}

/**
 * Decides what a refusal holds back (RFC 8555 §6.6): what its subproblems name (§6.7.1), or else those of the names asked for
 * that stand in its text. Too wide a scope only waits too long, too narrow a one would ask again.
 */
export function scopesOfRefusal(
  error: SidecarError,
  asked: Asked,
  registeredDomain: RegisteredDomain,
): readonly Scope[] {
  const { endpoint, account, names = [] } = asked;
  if (error.beforeAll) return [{ endpoint: "*", per: "address", key: "" }];
  const whole: Scope = { endpoint, per: "address", key: "" };
  if (!(error instanceof AcmeProblemError) || !isProblem(error.problem, "rateLimited") || account === undefined) {
    return [whole];
  }
  const said = identifiersIn(error.problem);
  const about = [
    ...[...domains(names, registeredDomain)].filter((it) => said.has(it)).map((
      key,
    ) => ({ per: "domain", key } as const)),
    ...[...bases(names)].filter((it) => said.has(it)).map((key) => ({ per: "name", key } as const)),
  ];
  if (about.length > 0) return about.map((it) => ({ endpoint, ...it }));
  if (names.length > 0 && /\bexact set\b/i.test(error.problem.detail ?? "")) {
    return [{ endpoint, per: "names", key: nameSet(names) }];
  }
  return endpoint === "newOrder" || endpoint === "finalize"
    ? [{ endpoint, per: "account", key: account.href }]
    : [whole];
}

function domains(names: readonly DnsName[], registeredDomain: RegisteredDomain): ReadonlySet<string> {
  return new Set(names.map((name) => registeredDomain(baseName(name))));
}

function bases(names: readonly DnsName[]): ReadonlySet<string> {
  return new Set(names.map(baseName));
}
