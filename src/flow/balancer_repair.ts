import { type BalancerStep, planBalancer, type SwapReason, type Target } from "../model/balancer_plan.ts";
import { describe, hopOf } from "../model/errors.ts";
import type { PendingAnswer } from "../model/inventory.ts";
import type { DeploymentRecord } from "../model/records.ts";
import type { SecretName } from "../model/secret_name.ts";
import { lastServed } from "../model/stand_in.ts";
import type { Call, LoadBalancer } from "../ports.ts";
import type { Answers } from "./answers.ts";
import { answersAt, type Look } from "./balancer_look.ts";
import { type BalancerMemory, balancerMemory } from "./balancer_memory.ts";
import type { BalancerNews } from "./balancer_news.ts";
import type { Presence } from "./balancer_presence.ts";
import type { Certificates } from "./certificates.ts";
import type { FlowParts } from "./parts.ts";
import { quietly } from "./quietly.ts";
import type { Targets } from "./targets.ts";

/** Works on one balancer at once: what they do there happens in turn, what is read for it does not. */
const AT_ONCE = 4;
/** Where no client gets an answer, everything is looked at again after that long. */
const BLIND_MS = 5_000;
/** Certificates that are put back in one go. */
const RESTORED_AT_ONCE = 32;
/** Certificates whose names are asked for in one go. */
const PROBED_AT_ONCE = 32;
/** One of this many parts of the certificates is probed again with each look. */
const PARTS = 20;

/** What a repair works with. */
export interface RepairTools {
  /** Swaps and takes out. */
  readonly service: Certificates;
  /** Puts answers up again. */
  readonly answers: Answers;
  /** Whether the balancer is there. */
  readonly presence: Presence;
  /** What is told of it. */
  readonly news: BalancerNews;
  /** Between two works, and after the last one: what was written meanwhile gets its turn. */
  readonly between: (call: Call) => Promise<void>;
  /** There is more to be done about the certificate. */
  readonly again: (secretName: SecretName) => void;
  /** The next look is not later than that. */
  readonly lookBy: (at: Date) => void;
}

/** Does what a look asks for. */
export interface BalancerRepair {
  /** Step by step, the most urgent first. Ends where the balancer goes away. */
  carryOut(look: Look, targets: Targets, call: Call): Promise<void>;
  /** Forgets what is not in a look at everything: names come and go for years. */
  forgetOthers(look: Look): void;
}

/** Makes the {@linkcode BalancerRepair} of a balancer. */
export function balancerRepair(parts: FlowParts, tools: RepairTools, balancer: LoadBalancer): BalancerRepair {
  return new Repair(parts, tools, balancer);
}

class Repair implements BalancerRepair {
  readonly #parts: FlowParts;
  readonly #tools: RepairTools;
  readonly #balancer: LoadBalancer;
  readonly #memory: BalancerMemory = balancerMemory();

  constructor(parts: FlowParts, tools: RepairTools, balancer: LoadBalancer) {
    this.#parts = parts;
    this.#tools = tools;
    this.#balancer = balancer;
  }

  async carryOut(look: Look, { gone, unreadable }: Targets, call: Call): Promise<void> {
    for (const secretName of look.deployments.keys()) {
      const fault = unreadable.get(secretName);
      if (fault !== undefined) this.#tools.news.alarm(secretName, "vault", fault);
    }
    const { proofs, releases } = this.#memory;
    const steps = planBalancer({
      ...look,
      gone: [...gone.get(this.#balancer.name) ?? []],
      proofs,
      releases,
      probes: Math.ceil(look.targets.length / PARTS),
      now: this.#parts.clock.now(),
    });
    await this.#work(this.#worksOf(steps, look, call), call);
    await this.#work(this.#probesOf(look, call), call);
    look.refused.forEach(this.#tools.again);
    if (this.#sign !== undefined) await this.#tools.between(call);
  }

  forgetOthers({ targets, deployments }: Look): void {
    const names = new Set([...targets.map((it) => it.secretName), ...deployments.keys()]);
    this.#memory.keepOnly(names);
    this.#tools.news.keepOnly(names);
  }

  async #work(works: readonly (() => Promise<void>)[], call: Call): Promise<void> {
    for (let i = 0; i < works.length && this.#sign !== undefined; i += AT_ONCE) {
      await this.#tools.between(call);
      await Promise.all(works.slice(i, i + AT_ONCE).map((work) => work()));
    }
  }

  get #sign(): string | undefined {
    return this.#tools.presence.sign;
  }

  #worksOf(steps: readonly BalancerStep[], look: Look, call: Call): readonly (() => Promise<void>)[] {
    // What has expired goes the long way, on which it is not put over something valid.
    const isRestored = (step: BalancerStep): step is Swap =>
      step.do === "swap" && RESTORED.includes(step.why) && step.target.notAfter > look.since;
    const works = steps
      .filter((step): step is Single => step.do !== "probe" && !isRestored(step))
      .map((step) => () => this.#do(step, look, call));
    const changed = steps.filter(isRestored);
    for (let i = 0; i < changed.length; i += RESTORED_AT_ONCE) {
      works.push(() => this.#restore(changed.slice(i, i + RESTORED_AT_ONCE), look, call));
    }
    look.unproven.push(...steps.flatMap((step) => step.do === "probe" ? [step.target] : []));
    return works;
  }

  /** Proofs come last: what clients get does not become right by them. */
  #probesOf(look: Look, call: Call): readonly (() => Promise<void>)[] {
    const works: (() => Promise<void>)[] = [];
    for (let i = 0; i < look.unproven.length; i += PROBED_AT_ONCE) {
      works.push(() => this.#probe(look.unproven.slice(i, i + PROBED_AT_ONCE), look, call));
    }
    return works;
  }

  async #do(step: Single, look: Look, call: Call): Promise<void> {
    switch (step.do) {
      case "answer":
        return await this.#answer(step.answer, call);
      case "swap":
        return await this.#swap(step.target, step.why, look, call);
      case "remove":
        return await this.#remove(step.secretName, call);
      case "alarm":
        return this.#tools.news.alarm(step.secretName, step.hop, step.found);
      case "wait":
        return this.#tools.lookBy(step.until);
    }
  }

  /** What was served before is put back together, and proven later; where that does not do, each is swapped in. */
  async #restore(steps: readonly Swap[], look: Look, call: Call): Promise<void> {
    const { service, news } = this.#tools;
    const targets = steps.map((step) => step.target);
    for (const { target, why } of steps) news.drift(target.secretName, why);
    const restore = service.restore(this.#balancer.name, targets, call);
    const done = await restore.catch((): ReadonlySet<SecretName> => new Set()); // a swap will say why
    call.signal.throwIfAborted();
    for (const { target, why } of steps) {
      if (!done.has(target.secretName) && this.#sign !== undefined) await this.#swap(target, why, look, call);
    }
    look.unproven.push(...targets.filter((it) => done.has(it.secretName)));
  }

  async #swap(target: Target, why: SwapReason, look: Look, call: Call): Promise<void> {
    const { service, news } = this.#tools;
    const { name } = this.#balancer;
    const { secretName } = target;
    if (why === "not loaded" || why === "another is served") news.drift(secretName, why);
    try {
      const now = target.standsIn === true
        ? await service.serveStandIn(name, target, call)
        : await service.serve({ balancer: name, secretName }, look.since, call);
      if (now !== undefined) this.#note(now, target, why, look);
    } catch (error) {
      call.signal.throwIfAborted();
      news.alarm(secretName, hopOf(error) ?? "vault", describe(error));
    }
  }

  #note(now: DeploymentRecord, target: Target, why: SwapReason, { refused }: Look): void {
    const { secretName } = now;
    if (lastServed(now)?.fingerprint === target.fingerprint) this.#proven(target);
    if (now.state === "served") return this.#memory.served(secretName);
    const { lookBy, news, presence } = this.#tools;
    lookBy(now.until);
    if (now.refused?.includes(target.fingerprint) === true) refused.add(secretName);
    if (target.standsIn === true) return;
    this.#memory.refused(secretName, why);
    news.alarmed(secretName, now.reason); // by the swap itself
    if (now.sign === undefined) presence.forget(); // it went away
  }

  #proven({ secretName, fingerprint, standsIn }: Target): void {
    if (this.#sign === undefined) return;
    this.#memory.proven(secretName, { fingerprint, sign: this.#sign, at: this.#parts.clock.now() });
    if (standsIn !== true) this.#tools.news.calm(secretName);
  }

  /** A name that is answered otherwise than it was is looked into by a swap, which knows more, and changes no more than needed. */
  async #probe(targets: readonly Target[], look: Look, call: Call): Promise<void> {
    if (look.blind) return;
    const seen = new Map<string, string>(); // one name may be answered by two kinds
    try {
      for (const [family, group] of Map.groupBy(targets, (it) => it.family)) {
        const served = await this.#balancer.served(group.flatMap((it) => it.names), { ...call, family });
        for (const { name, fingerprint } of served) seen.set(`${family} ${name}`, fingerprint);
      }
    } catch (error) {
      call.signal.throwIfAborted();
      return this.#goBlind(look, error);
    }
    this.#tools.news.unseen(undefined);
    for (const target of targets) {
      const { secretName, fingerprint, family, names } = target;
      const known = lastServed(look.deployments.get(secretName));
      const shadowed = new Set(known?.shadowed.map((it) => it.name));
      const asKnown = names.every((it) => (seen.get(`${family} ${it}`) === fingerprint) !== shadowed.has(it));
      if (asKnown) this.#proven(target);
      else await this.#swap(target, "another is served", look, call);
      if (this.#sign === undefined) return;
    }
  }

  /** Who does not answer clients at all is not asked for each certificate; it may have been started a moment ago. */
  #goBlind(look: Look, error: unknown): void {
    look.blind = true;
    this.#tools.lookBy(new Date(this.#parts.clock.now().getTime() + BLIND_MS));
    this.#tools.news.unseen(`What ${this.#balancer.name} serves cannot be seen: ${describe(error)}`);
  }

  async #remove(secretName: SecretName, call: Call): Promise<void> {
    const { clock } = this.#parts;
    if (this.#memory.isKept(secretName, this.#sign, clock.now())) return;
    try {
      await this.#tools.service.withdraw({ balancer: this.#balancer.name, secretName }, call);
      this.#memory.removed(secretName);
    } catch (error) {
      call.signal.throwIfAborted();
      this.#memory.keeps(secretName, this.#sign, clock.now());
      this.#tools.news.alarm(secretName, hopOf(error) ?? "memory", describe(error));
    }
  }

  async #answer({ type, name }: PendingAnswer, call: Call): Promise<void> {
    const { answers, news } = this.#tools;
    const open = await answersAt(this.#parts, this.#balancer.name, call);
    const record = open.find((it) => it.type === type && it.name === name);
    if (record === undefined) return; // decided meanwhile
    await quietly(this.#parts, "challenge.absent", async () => {
      await answers.present(record, call);
      news.tell("info", "challenge.restored", `${this.#balancer.name} answers ${type} for ${name} again`);
    }, call);
  }
}

/** A step about one certificate or answer. */
type Single = Exclude<BalancerStep, { do: "probe" }>;
type Swap = BalancerStep & { readonly do: "swap" };

/** What was right once, and is still there but for what somebody has changed. */
const RESTORED: readonly SwapReason[] = ["another is loaded", "not on disk"];
