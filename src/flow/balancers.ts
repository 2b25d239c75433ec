import { CHALLENGES, type ChallengeType } from "../model/challenge_type.ts";
import { SidecarError } from "../model/errors.ts";
import type { DnsName } from "../model/dns_name.ts";
import type { DeploymentRecord } from "../model/records.ts";
import { given } from "../model/shape.ts";
import type { BalancerState, Call, LoadBalancer, PublishedAnswers, WiringPart } from "../ports.ts";
import { findBalancer } from "./choose_balancer.ts";
import { abortable, flights } from "./flights.ts";
import type { FlowParts } from "./parts.ts";
import { routeTrials } from "./route_trials.ts";
import { faultOf, tryParts } from "./trials.ts";

/** A balancer with all that is known of it. */
export interface BalancerView {
  /** As `LOAD_BALANCERS` names it. */
  readonly name: string;
  /** What it is, for example `haproxy`. */
  readonly kind: string;
  /** The challenges that can be answered with it, as things are configured. */
  readonly challenges: readonly ChallengeType[];
  /** What it said of itself, or why it did not. */
  readonly state: BalancerCondition;
  /** What it does with our certificates, sorted by subject. */
  readonly certificates: readonly BalancerCertificate[];
}

/** Whether a balancer is there. */
export type BalancerCondition =
  | ({ readonly ok: true } & BalancerState)
  | ({ readonly ok: false } & Pick<WiringPart, "found" | "todo">);

/** One of our certificates on a balancer. */
export interface BalancerCertificate {
  /** Its first name; absent where the certificate is gone. */
  readonly subject?: DnsName;
  /** What is recorded. */
  readonly deployment: DeploymentRecord;
}

/** What can be asked about the load balancers. A name that is not configured gives undefined. */
export interface BalancerService {
  /** All, in the order of `LOAD_BALANCERS`; one that is away takes three seconds, and no other the longer for it. */
  balancers(call: Call): Promise<readonly BalancerView[]>;
  /** One, also by `null/NAME`, as the original wrote a service without a stack. */
  balancer(name: string, call: Call): Promise<BalancerView | undefined>;
  /** The lines that wire it. */
  wiring(name: string, call: Call): Promise<string | undefined>;
  /** Tries each part of its wiring, then the way of each challenge, and leaves nothing behind. */
  check(name: string, call: Call): Promise<readonly WiringPart[] | undefined>;
}

/** What {@linkcode balancerService} works with. */
export interface BalancerServiceParts extends Pick<FlowParts, "balancers" | "records" | "solvers" | "settings"> {
  /** Where http-01 answers are published. */
  readonly answers: PublishedAnswers;
}

/** How long a balancer may take to say how it is: nobody waits longer for a list. */
const LOOK_MS = 3_000;

/**
 * Makes a {@linkcode BalancerService}.
 *
 * @param lifetime Ends all checks; each takes down what it had put up.
 */
export function balancerService(
  parts: BalancerServiceParts,
  lifetime: AbortSignal,
): BalancerService & {
  /** Resolves when no check is under way any more. */
  landed(): Promise<void>;
} {
  const underWay = flights(lifetime);

  const named = (name: string): LoadBalancer | undefined => parts.balancers.get(findBalancer(parts, name) ?? "");
  const view = async (balancer: LoadBalancer, certificates: Certificates, call: Call): Promise<BalancerView> => ({
    name: balancer.name,
    kind: balancer.kind,
    challenges: possible(parts, balancer.name),
    state: await condition(balancer, call),
    certificates: certificates.get(balancer.name) ?? [],
  });

  return {
    async balancers(call): Promise<readonly BalancerView[]> {
      const certificates = await recorded(parts, call);
      return await Promise.all([...parts.balancers.values()].map((it) => view(it, certificates, call)));
    },
    async balancer(name, call): Promise<BalancerView | undefined> {
      const found = named(name);
      return found === undefined ? undefined : await view(found, await recorded(parts, call), call);
    },
    wiring: async (name, call) => await named(name)?.wiring.lines(call),
    async check(name, call): Promise<readonly WiringPart[] | undefined> {
      const found = named(name);
      if (found === undefined) return undefined;
      return await underWay.join(found.name, (own) => checked(parts, found, own), call);
    },
    landed: () => underWay.landed(),
  };
}

async function checked(
  parts: BalancerServiceParts,
  balancer: LoadBalancer,
  call: Call,
): Promise<readonly WiringPart[]> {
  const own = await balancer.wiring.check(call);
  return [...own, ...await tryParts(balancer.name, routeTrials(parts, balancer, own), call)];
}

async function condition(balancer: LoadBalancer, call: Call): Promise<BalancerCondition> {
  const late = AbortSignal.timeout(LOOK_MS);
  const signal = AbortSignal.any([call.signal, late]);
  try {
    return { ok: true, ...await abortable(balancer.state({ signal }), signal) };
  } catch (error) {
    call.signal.throwIfAborted();
    const silent = late.aborted && !(error instanceof SidecarError);
    return {
      ok: false,
      ...silent ? { found: `it gave no answer within ${LOOK_MS} ms` } : faultOf(balancer.name, error),
    };
  }
}

function possible({ solvers }: BalancerServiceParts, balancer: string): readonly ChallengeType[] {
  const automatic = [...solvers.values()].filter(({ type }) => CHALLENGES[type].automatic);
  // The name has no part in it; no certificate is made for it.
  const name = "wiring.invalid" as DnsName;
  return automatic.filter((it) => it.obstacle?.({ name, balancer }) === undefined).map((it) => it.type);
}

type Certificates = ReadonlyMap<string, readonly BalancerCertificate[]>;

async function recorded({ records }: BalancerServiceParts, call: Call): Promise<Certificates> {
  const [certificates, deployments] = await Promise.all([
    records.certificates.list(call),
    records.deployments.list(call),
  ]);
  const subjects = new Map(certificates.map(({ value: { intent } }) => [intent.secretName, intent.names[0]]));
  const all = deployments.map(({ value: deployment }): BalancerCertificate => ({
    ...given("subject", subjects.get(deployment.secretName)),
    deployment,
  }));
  const key = (it: BalancerCertificate): string => it.subject ?? it.deployment.secretName;
  return Map.groupBy(all.sort((a, b) => key(a) < key(b) ? -1 : 1), (it) => it.deployment.balancer);
}
