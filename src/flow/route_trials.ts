import type { ChallengeType } from "../model/challenge_type.ts";
import type { Call, ChallengeSolver, LoadBalancer, Presented, WiringPart } from "../ports.ts";
import type { BalancerServiceParts } from "./balancers.ts";
import { faultOf, rehearse, standsOn, type Throwaway, throwaway, type Trial } from "./trials.ts";

/** The challenges that go a way of their own through a balancer. */
const WAYS: readonly ChallengeType[] = ["http-01", "tls-alpn-01"];

/**
 * The ways of challenges through a balancer, each tried by its solver with an answer that no CA asked for.
 *
 * @param before What became of the parts that they may stand on.
 */
export function routeTrials(
  parts: BalancerServiceParts,
  balancer: LoadBalancer,
  before: readonly WiringPart[],
): readonly Trial[] {
  return WAYS.map((type): Trial => {
    const solver = parts.solvers.get(type);
    const challenge = throwaway();
    const unused = unusedBecause(parts, balancer, type, solver, challenge) ?? blockedBy(type, before);
    return {
      part: `${type} route`,
      ...unused === undefined ? {} : { unused },
      run: async (call) => {
        if (solver !== undefined) await present(parts, balancer, solver, challenge, call);
        return "an answer that was put up was seen through the balancer";
      },
    };
  });
}

type Reason = Pick<WiringPart, "found" | "todo">;

function unusedBecause(
  { settings }: BalancerServiceParts,
  { name: balancer, http }: LoadBalancer,
  type: ChallengeType,
  solver: ChallengeSolver | undefined,
  { name }: Throwaway,
): Reason | undefined {
  if (solver === undefined || !settings.challenges.includes(type)) {
    return { found: `CHALLENGE does not name ${type}` };
  }
  const obstacle = solver.obstacle?.({ name, balancer });
  if (obstacle !== undefined) {
    const { found, ...rest } = faultOf(balancer, obstacle);
    return { found: found.replace(`Cannot answer ${type} for ${name}: `, ""), ...rest };
  }
  if (type !== "http-01" || http !== undefined) return undefined;
  return {
    found: "http= is not set, so nobody but the CA can tell",
    todo: "set http= to the address where it serves plain HTTP",
  };
}

function blockedBy(type: ChallengeType, before: readonly WiringPart[]): Reason | undefined {
  const base = before.find((it) => it.state === "missing" && it.carries?.includes(type) === true);
  return base === undefined ? undefined : { found: standsOn(base) };
}

async function present(
  { answers }: BalancerServiceParts,
  { name: balancer, alpn, routes }: LoadBalancer,
  solver: ChallengeSolver,
  { name, token, keyAuthorization }: Throwaway,
  call: Call,
): Promise<void> {
  let up: Presented | undefined;
  await rehearse(async () => {
    up = await solver.present({ type: solver.type, name, token, keyAuthorization, balancer }, call);
    await up.settled(call);
  }, async (call) => {
    if (up !== undefined) return await up[Symbol.asyncDispose]();
    // One that did not come up as a whole can have left a part.
    await Promise.allSettled([alpn?.withdraw(name, call), answers.withdraw(token, call), routes?.close(name, call)]);
  });
}
