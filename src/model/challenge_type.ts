import { type DnsName, isWildcard } from "./dns_name.ts";
import { InputError } from "./errors.ts";

/** A way to prove control of a name (RFC 8555 §8, RFC 8737; tls-sni-01 of draft-ietf-acme-acme-01). */
export type ChallengeType = "http-01" | "dns-01" | "tls-alpn-01" | "tls-sni-01";

/** What is known of a challenge type. */
export interface ChallengeKind {
  /** The sidecar answers it without a person. */
  readonly automatic: boolean;
  /** It can prove `*.example.com` (RFC 8555 §8.3: http-01 cannot; RFC 8737 §3: tls-alpn-01 cannot). */
  readonly wildcard: boolean;
  /** A balancer has to answer it; nobody else can. */
  readonly needsBalancer: boolean;
}

/** All challenge types that this program answers. */
export const CHALLENGES: Readonly<Record<ChallengeType, ChallengeKind>> = {
  "http-01": { automatic: true, wildcard: false, needsBalancer: false },
  "dns-01": { automatic: false, wildcard: true, needsBalancer: false },
  "tls-alpn-01": { automatic: true, wildcard: false, needsBalancer: true },
  // A balancer, or the sidecar's own listener.
  "tls-sni-01": { automatic: true, wildcard: false, needsBalancer: false },
};

/** The names of {@linkcode CHALLENGES}. */
export const CHALLENGE_TYPES = Object.keys(CHALLENGES) as readonly ChallengeType[];

/** Reads a challenge type, or refuses it with the list of those that exist. */
export function parseChallengeType(input: string, field = "authorization_type"): ChallengeType {
  const found = CHALLENGE_TYPES.find((type) => type === input);
  if (found === undefined) {
    const shown = JSON.stringify(input.slice(0, 40));
    throw new InputError(field, `Authorization Type isn't an option: ${shown}`, `use ${CHALLENGE_TYPES.join(", ")}`);
  }
  return found;
}

/** Refuses a wildcard with a challenge that cannot prove it. */
export function checkChallengeFits(type: ChallengeType, name: DnsName): void {
  if (isWildcard(name) && !CHALLENGES[type].wildcard) {
    throw new InputError("authorization_type", `${type} cannot prove the wildcard ${name}`, "use dns-01");
  }
}
