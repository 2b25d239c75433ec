import type { DnsName } from "./dns_name.ts";
import { isProblem, type Problem } from "./problem.ts";
import type { CertificateRecord } from "./records.ts";

/**
 * The certificate that an order of the account may say it replaces (RFC 9773 §5): of the same CA and, as Boulder wants it, of
 * the same account, with a name in common. What is held was not replaced yet: else its successor would be held.
 *
 * @returns Its certID; undefined where there is no such certificate.
 */
export function replacedBy(
  { names, directory, account }: {
    readonly names: readonly DnsName[];
    readonly directory: URL;
    readonly account: URL;
  },
  held: CertificateRecord | undefined,
): string | undefined {
  if (held?.origin !== "ca" || held.directory.href !== directory.href || held.account.href !== account.href) {
    return undefined;
  }
  return held.facts.names.some((name) => names.includes(name)) ? held.facts.certId : undefined;
}

/** What an order asks for and can do without. */
export interface Dispensable {
  /** See RFC 9773 §5. */
  readonly replaces?: string;
  /** See draft-ietf-acme-profiles. */
  readonly profile?: string;
}

/** Refusals that may be about what is replaced: `alreadyReplaced` is, Boulder's others have general types. */
const REPLACES = ["alreadyReplaced", "malformed", "unauthorized", "conflict"];
/** Refusals of a profile: one that is not offered, or not to this account. */
const PROFILE = ["invalidProfile", "unauthorized"];

/**
 * What to leave out of an order that was refused, so that it may be placed after all: first what it replaces, which CAs check
 * first, then its profile. What the CA said about something else is repeated by the order without.
 *
 * @returns Undefined where the refusal is about neither.
 */
export function dispensable(order: Dispensable, problem: Problem): keyof Dispensable | undefined {
  if (order.profile !== undefined && isProblem(problem, "invalidProfile")) return "profile";
  if (order.replaces !== undefined && isProblem(problem, ...REPLACES)) return "replaces";
  return order.profile !== undefined && isProblem(problem, ...PROFILE) ? "profile" : undefined;
}
