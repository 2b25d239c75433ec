import type { ChallengeType } from "../model/challenge_type.ts";
import { SidecarError } from "../model/errors.ts";
import type { ChallengeAnswer, LoadBalancer } from "../ports.ts";

/** What a solver needs to know to find out who answers. */
export type Link = Pick<ChallengeAnswer, "name" | "balancer">;

/** Makes the error for a challenge that nobody can answer as things are configured. */
export function obstacleFor(type: ChallengeType, { name }: Link, found: string, todo: string): SidecarError {
  return new SidecarError("BALANCER_CONFIG", `Cannot answer ${type} for ${name}: ${found}`, {
    field: "linked_service",
    todo,
  });
}

/** The error for a balancer that is linked and not configured, with those that are. */
export function unknownBalancer(
  type: ChallengeType,
  link: Link,
  balancers: ReadonlyMap<string, LoadBalancer>,
  todo: string,
): SidecarError {
  const known = [...balancers.keys()].sort().join(", ");
  const found = `there is no balancer ${JSON.stringify(link.balancer)}`;
  return obstacleFor(type, link, found, known === "" ? todo : `configured are: ${known}`);
}
