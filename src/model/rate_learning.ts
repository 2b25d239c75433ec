import { AcmeProblemError, type SidecarError } from "./errors.ts";
import type { RateDemand } from "./rate_demand.ts";
import type { Scope } from "./rate_scope.ts";
import type { Counted, RateLimit } from "./rates.ts";

/** Words by which a CA says which limit it means; RFC 8555 has no other way to tell. */
const WORDS: Readonly<Record<Counted, RegExp>> = {
  account: /\b(?:registrations|accounts)\b/i,
  order: /\borders\b/i,
  certificate: /\bcertificates\b.*\bissued\b/i,
  failure: /\bfailed authorizations\b/i,
};

/**
 * Decides which of our buckets are emptier than we believed, as somebody else takes from them too: those of a refusal's scope whose
 * limit its text names. Where it is not clear none is: the wait itself binds anyway, and a bucket drained by mistake would
 * hold requests back for days.
 */
export function drained(
  limits: readonly RateLimit[],
  error: SidecarError,
  scopes: readonly Scope[],
  account: URL | undefined,
): readonly Pick<RateDemand, "limit" | "key">[] {
  if (!(error instanceof AcmeProblemError) || error.retryAt === undefined) return [];
  const detail = error.problem.detail ?? "";
  return limits.filter((it) => WORDS[it.counts].test(detail)).flatMap((limit) =>
    scopes.filter((scope) => scope.per === limit.per).map(({ key }) => ({
      limit,
      key: limit.per === "name" ? `${account?.href ?? ""} ${key}` : key,
    }))
  );
}
