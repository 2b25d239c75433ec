import { CHALLENGES, type ChallengeType } from "../model/challenge_type.ts";
import { type DnsName, isWildcard } from "../model/dns_name.ts";
import { given } from "../model/shape.ts";
import type { FlowParts } from "./parts.ts";

/** How a name is proven where no record of it says so. */
export interface Preference {
  readonly types: readonly ChallengeType[];
  readonly balancer?: string;
  /** `record`: as the name was authorized before, `automatic`: without a person where that is possible. */
  readonly first: "record" | "automatic";
}

/** The preferred challenges that can prove the name and that somebody can answer. */
export function possibleTypes(
  { solvers }: Pick<FlowParts, "solvers">,
  name: DnsName,
  { types, balancer }: Omit<Preference, "first">,
): readonly ChallengeType[] {
  return types.filter((type) => {
    const solver = solvers.get(type);
    if (solver === undefined || (isWildcard(name) && !CHALLENGES[type].wildcard)) return false;
    return solver.obstacle?.({ name, ...given("balancer", balancer) }) === undefined;
  });
}
