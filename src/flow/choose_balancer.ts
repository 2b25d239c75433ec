import { CHALLENGES } from "../model/challenge_type.ts";
import { InputError, SidecarError } from "../model/errors.ts";
import type { Call } from "../ports.ts";
import type { FlowParts } from "./parts.ts";
import type { AuthorizeRequest, IssueRequest } from "./service.ts";

type Balancers = Pick<FlowParts, "balancers">;

/** Every balancer that is configured at the time of the request. */
const ALL = "all";

/** A configured balancer by its name; the original wrote a service without a stack as `null/NAME`. */
export function findBalancer({ balancers }: Balancers, name: string): string | undefined {
  return [name, name.replace(/^null\//, ""), `null/${name}`].find((it) => balancers.has(it));
}

/** The same, and refused where there is none. */
export function balancerNamed(parts: Balancers, name: string): string {
  const found = findBalancer(parts, name);
  if (found !== undefined) return found;
  throw new InputError(
    "linked_service",
    `Linked service not found: ${JSON.stringify(name.slice(0, 80))}`,
    listed(parts),
  );
}

/** Those that are named, each once; `all` stands for every one, unless one has that name. */
export function balancersNamed(parts: Balancers, names: readonly string[]): readonly string[] {
  const every = [...parts.balancers.keys()];
  return [
    ...new Set(names.flatMap((name) => {
      const all = name === ALL && every.length > 0 && findBalancer(parts, name) === undefined;
      return all ? every : [balancerNamed(parts, name)];
    })),
  ];
}

/** The same for a request; undefined where it leaves the choice to us. */
export function balancersAsked(
  parts: Balancers,
  { balancers }: Pick<IssueRequest, "balancers">,
): readonly string[] | undefined {
  return balancers === undefined ? undefined : balancersNamed(parts, balancers);
}

/** The only one, none where there is none; of several somebody has to choose. */
export function onlyBalancer(parts: Balancers): readonly string[] {
  const all = [...parts.balancers.keys()];
  if (all.length < 2) return all;
  throw new InputError("linked_service", "Several load balancers are configured", listed(parts));
}

/** The balancer that answers a challenge: named, or the only one, or none where none is needed. */
export function balancerFor(parts: Balancers, { type, balancer }: AuthorizeRequest): string | undefined {
  if (balancer !== undefined) return balancerNamed(parts, balancer);
  if (!CHALLENGES[type].automatic) return undefined;
  const [only, ...others] = parts.balancers.keys();
  if (only !== undefined && others.length === 0) return only;
  if (only === undefined && !CHALLENGES[type].needsBalancer) return undefined;
  throw new InputError("linked_service", `--linked-service is required with --type=${type}`, listed(parts));
}

/** One that is set up wrongly is told before the CA hears of anything; one that is away may be back in time. */
export async function checkBalancers(parts: Balancers, names: readonly string[], call: Call): Promise<void> {
  const states = await Promise.allSettled(names.map((name) => parts.balancers.get(name)?.state(call)));
  const reasons = states.flatMap((it) => it.status === "rejected" ? [it.reason as unknown] : []);
  const wrong = reasons.find((it) => it instanceof SidecarError && it.code === "BALANCER_CONFIG");
  if (wrong !== undefined) throw wrong;
}

function listed({ balancers }: Balancers): string {
  const all = [...balancers.keys()];
  return all.length > 0 ? `name one of ${all.join(", ")}` : "configure one with LOAD_BALANCERS";
}
