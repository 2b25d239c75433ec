import {
  type BalancerSituation,
  type BalancerStep,
  planBalancer,
  type Proof,
  type SwapReason,
  type Target,
} from "../model/balancer_plan.ts";
import { describe, hopOf } from "../model/errors.ts";
import type { Hop, PendingAnswer } from "../model/inventory.ts";
import type { AuthorizationRecord, DeploymentRecord } from "../model/records.ts";
import { bundleFile, type SecretName } from "../model/secret_name.ts";
import type { Call, Event, LoadBalancer } from "../ports.ts";
import { type Answers, isOpen } from "./answers.ts";
import type { Certificates } from "./certificates.ts";
import type { FlowParts } from "./parts.ts";
import { quietly } from "./quietly.ts";
import type { TargetReader, Targets } from "./targets.ts";

/** How often the sign of a balancer is looked at. */
const SIGN_MS = 1_000;
/** How often it is looked for when it is away. */
const AWAY_MS = 200;
/** How often everything is looked at although nothing seems to have changed; spread, that balancers do not march in step. */
const LOOK_MS = 30_000;
/** Who wrote something swaps it in by himself: he is let go first, and several writes become one look. */
const GATHER_MS = 30;
/** Works on one balancer at once: what they do there happens in turn, what is read for it does not. */
const AT_ONCE = 4;
/** What a balancer does not give up it is asked for again after that long, or when it has changed. */
const KEPT_MS = 60 * 60_000;
/** Where no client gets an answer, everything is looked at again after that long. */
const BLIND_MS = 5_000;
/** Certificates that are put back in one go. */
const RESTORED_AT_ONCE = 32;
/** Certificates whose names are asked for in one go. */
const PROBED_AT_ONCE = 32;
/** One of this many parts of the certificates is probed again with each look. */
const PARTS = 20;

/** Looks after one balancer. */
export interface BalancerWatch {
  /** Works until the signal aborts. */
  run(call: Call): Promise<void>;
  /** One look at everything, and the repair of what was found. */
  look(call: Call): Promise<void>;
  /** Something about the certificate was written: it is looked at soon. */
  touch(secretName: SecretName): void;
}

/** What it works with. */
export interface WatchTools {
  /** Swaps and takes out. */
  readonly service: Certificates;
  /** Puts answers up again. */
  readonly answers: Answers;
  /** Shared by all balancers. */
  readonly targets: TargetReader;
}

/** Makes the {@linkcode BalancerWatch} of a balancer. */
export function balancerWatch(parts: FlowParts, tools: WatchTools, balancer: LoadBalancer): BalancerWatch {
  return new Watch(parts, tools, balancer);
}

class Watch implements BalancerWatch {
  readonly #parts: FlowParts;
  readonly #tools: WatchTools;
  readonly #balancer: LoadBalancer;
  /** Of the last look; undefined: nothing is known, everything has to be looked at. */
  #sign: string | undefined;
  #away = false;
  #due = new Date(0);
  #looked = false;
  #failure = "";
  /** Why no client gets an answer, as it was told. */
  #unseen = "";
  readonly #touched = new Set<SecretName>();
  /** Ends the rest early. */
  #wake: () => void = () => {};
  readonly #proofs = new Map<SecretName, Proof>();
  readonly #releases = new Map<SecretName, number>();
  /** What the balancer did not give up, and until when it is not asked again. */
  readonly #kept = new Map<SecretName, { readonly sign: string | undefined; readonly until: Date }>();
  /** Alarms that were told already. */
  readonly #told = new Map<SecretName, string>();

  constructor(parts: FlowParts, tools: WatchTools, balancer: LoadBalancer) {
    this.#parts = parts;
    this.#tools = tools;
    this.#balancer = balancer;
  }

  touch(secretName: SecretName): void {
    this.#touched.add(secretName);
    if (!this.#away) this.#wake();
  }

  async run(call: Call): Promise<void> {
    while (!call.signal.aborted) {
      await this.#turn(call).then(() => this.#failure = "", (error: unknown) => this.#fail(error, call));
      await this.#rest(call).catch(() => {}); // aborted: the loop ends
    }
  }

  async look(call: Call): Promise<void> {
    this.#due = new Date(0);
    await this.#turn(call);
  }

  #lookBy(at: Date): void {
    if (at < this.#due) this.#due = at;
  }

  /** The same failure each second is told once. */
  #fail(error: unknown, call: Call): void {
    const text = `${this.#balancer.name} cannot be looked after: ${describe(error)}`;
    if (!call.signal.aborted && text !== this.#failure) this.#tell("error", "reconcile.failed", text);
    this.#failure = text;
  }

  async #turn(call: Call): Promise<void> {
    const sign = await this.#signNow(call);
    if (sign === undefined) return;
    const { clock } = this.#parts;
    const wait = this.#due.getTime() - clock.now().getTime();
    if (sign !== this.#sign || wait <= 0 || wait > 2 * LOOK_MS) { // the clock may have been set back
      this.#touched.clear();
      this.#due = new Date(clock.now().getTime() + LOOK_MS * (0.9 + 0.2 * clock.random()));
      // At the start it is the keeper who puts answers up again.
      const answers = this.#looked ? await this.#pending(call) : [];
      this.#looked = true;
      const targets = await this.#tools.targets.all(call);
      const look = await this.#take(targets, answers, call);
      this.#sign = look.inventory.sign;
      await this.#carryOut(look, targets, call);
    } else if (this.#touched.size > 0) await this.#lookAtTouched(call);
  }

  /** Undefined where the balancer does not answer. It is told once, and once that it is back. */
  async #signNow(call: Call): Promise<string | undefined> {
    const { name } = this.#balancer;
    try {
      const sign = await this.#balancer.sign(call);
      if (this.#away) this.#tell("info", "balancer.back", `${name} answers again; everything is looked at`);
      else if (this.#sign !== undefined && this.#sign !== sign) {
        this.#tell("info", "balancer.changed", `${name} was started anew; everything is looked at`);
      }
      this.#away = false;
      return sign;
    } catch (error) {
      call.signal.throwIfAborted();
      if (!this.#away) this.#tell("error", "balancer.away", `${name} does not answer: ${describe(error)}`);
      this.#away = true;
      this.#sign = undefined;
      return undefined;
    }
  }

  /** Until the next look at the sign, or until something was written. */
  async #rest(call: Call): Promise<void> {
    const { clock } = this.#parts;
    if (this.#touched.size === 0 || this.#away) {
      const over = new AbortController();
      const { promise: woken, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const sleep = clock.sleep(this.#away ? AWAY_MS : SIGN_MS, {
        signal: AbortSignal.any([call.signal, over.signal]),
      });
      await Promise.race([sleep, woken]).finally(() => over.abort());
    }
    if (this.#touched.size > 0 && !this.#away) await clock.sleep(GATHER_MS, call);
  }

  async #lookAtTouched(call: Call): Promise<void> {
    const names = new Set(this.#touched);
    this.#touched.clear();
    const targets = await this.#tools.targets.some(names, call);
    const look = await this.#take(targets, [], call);
    if (look.inventory.sign === this.#sign) await this.#carryOut(look, targets, call);
    else this.#sign = undefined; // it was started anew just now: there is more to look at than this
  }

  async #take(targets: Targets, answers: readonly PendingAnswer[], call: Call): Promise<Look> {
    const { name } = this.#balancer;
    const since = this.#parts.clock.now();
    const mine = targets.held.filter((it) => it.balancers.includes(name));
    const deployments = targets.deployments.filter((it) => it.balancer === name);
    const files = mine.map((it) => bundleFile(it.secretName));
    return {
      since,
      targets: mine,
      blind: false,
      unproven: [],
      deployments: new Map(deployments.map((it) => [it.secretName, it])),
      inventory: await this.#balancer.inventory({ files, answers }, call),
    };
  }

  /** Step by step, the most urgent first; what is written meanwhile gets in between. Ends where the balancer goes away. */
  async #carryOut(look: Look, { gone, unreadable }: Targets, call: Call): Promise<void> {
    for (const secretName of look.deployments.keys()) {
      const fault = unreadable.get(secretName);
      if (fault !== undefined) this.#alarm(secretName, "vault", fault);
    }
    const steps = planBalancer({
      ...look,
      gone: [...gone.get(this.#balancer.name) ?? []],
      proofs: this.#proofs,
      releases: this.#releases,
      probes: Math.ceil(look.targets.length / PARTS),
      now: this.#parts.clock.now(),
    });
    await this.#work(this.#worksOf(steps, look, call), call);
    await this.#work(this.#probesOf(look, call), call);
  }

  async #work(works: readonly (() => Promise<void>)[], call: Call): Promise<void> {
    for (let i = 0; i < works.length && this.#sign !== undefined; i += AT_ONCE) {
      if (this.#touched.size > 0) await this.#lookAtTouched(call);
      await Promise.all(works.slice(i, i + AT_ONCE).map((work) => work()));
    }
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
        return this.#alarm(step.secretName, step.hop, step.found);
      case "wait":
        return this.#lookBy(step.until);
    }
  }

  /** What was served before is put back together, and proven later; where that does not do, each is swapped in. */
  async #restore(steps: readonly Swap[], look: Look, call: Call): Promise<void> {
    const { name } = this.#balancer;
    const targets = steps.map((step) => step.target);
    for (const { target, why } of steps) this.#tellDrift(target.secretName, why);
    const restore = this.#tools.service.restore(name, targets, call);
    const done = await restore.catch((): ReadonlySet<SecretName> => new Set()); // a swap will say why
    call.signal.throwIfAborted();
    for (const { target, why } of steps) {
      if (!done.has(target.secretName) && this.#sign !== undefined) await this.#swap(target, why, look, call);
    }
    look.unproven.push(...targets.filter((it) => done.has(it.secretName)));
  }

  async #swap({ secretName }: Target, why: SwapReason, { since }: Look, call: Call): Promise<void> {
    const { name } = this.#balancer;
    if (why === "not loaded" || why === "another is served") this.#tellDrift(secretName, why);
    try {
      const now = await this.#tools.service.serve({ balancer: name, secretName }, since, call);
      if (now !== undefined) this.#note(now, why);
    } catch (error) {
      call.signal.throwIfAborted();
      this.#alarm(secretName, hopOf(error) ?? "vault", describe(error));
    }
  }

  #note(now: DeploymentRecord, why: SwapReason): void {
    const { secretName, fingerprint } = now;
    if (now.state === "served") {
      this.#proven(secretName, fingerprint);
      this.#releases.delete(secretName);
      return;
    }
    this.#lookBy(now.until);
    this.#releases.set(secretName, why === "the balancer changed" ? (this.#releases.get(secretName) ?? 0) + 1 : 0);
    this.#told.set(secretName, now.reason); // the swap itself has told it
    if (now.sign === undefined) this.#sign = undefined; // it went away
  }

  #proven(secretName: SecretName, fingerprint: string): void {
    if (this.#sign === undefined) return;
    this.#proofs.set(secretName, { fingerprint, sign: this.#sign, at: this.#parts.clock.now() });
    this.#told.delete(secretName);
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
    this.#unseen = "";
    for (const target of targets) {
      const { secretName, fingerprint, family, names } = target;
      const known = look.deployments.get(secretName);
      const shadowed = new Set(known?.state === "served" ? known.shadowed.map((it) => it.name) : []);
      const asKnown = names.every((it) => (seen.get(`${family} ${it}`) === fingerprint) !== shadowed.has(it));
      if (asKnown) this.#proven(secretName, fingerprint);
      else await this.#swap(target, "another is served", look, call);
      if (this.#sign === undefined) return;
    }
  }

  /** Who does not answer clients at all is not asked for each certificate; it may have been started a moment ago. */
  #goBlind(look: Look, error: unknown): void {
    look.blind = true;
    this.#lookBy(new Date(this.#parts.clock.now().getTime() + BLIND_MS));
    const text = `What ${this.#balancer.name} serves cannot be seen: ${describe(error)}`;
    if (text !== this.#unseen) this.#tell("error", "balancer.unseen", text);
    this.#unseen = text;
  }

  async #remove(secretName: SecretName, call: Call): Promise<void> {
    const { clock } = this.#parts;
    const before = this.#kept.get(secretName);
    if (before !== undefined && before.sign === this.#sign && before.until > clock.now()) return;
    try {
      await this.#tools.service.withdraw({ balancer: this.#balancer.name, secretName }, call);
      this.#kept.delete(secretName);
      this.#proofs.delete(secretName);
    } catch (error) {
      call.signal.throwIfAborted();
      this.#kept.set(secretName, { sign: this.#sign, until: new Date(clock.now().getTime() + KEPT_MS) });
      this.#alarm(secretName, hopOf(error) ?? "memory", describe(error));
    }
  }

  /** What is up, by the ledger, of the answers that this balancer alone gives. */
  async #pending(call: Call): Promise<readonly AuthorizationRecord[]> {
    const all = (await this.#parts.records.authorizations.list(call)).map((entry) => entry.value);
    const now = this.#parts.clock.now();
    return all.filter((it) => it.presented && it.balancer === this.#balancer.name && isOpen(it, now));
  }

  async #answer({ type, name }: PendingAnswer, call: Call): Promise<void> {
    const record = (await this.#pending(call)).find((it) => it.type === type && it.name === name);
    if (record === undefined) return; // decided meanwhile
    await quietly(this.#parts, "challenge.absent", async () => {
      await this.#tools.answers.present(record, call);
      this.#tell("info", "challenge.restored", `${this.#balancer.name} answers ${type} for ${name} again`);
    }, call);
  }

  /** Once, as long as it stays the same. */
  #alarm(secretName: SecretName, hop: Hop, found: string): void {
    if (this.#told.get(secretName) === found) return;
    this.#told.set(secretName, found);
    const text = `${this.#balancer.name} does not serve ${secretName} as it should (${HOPS[hop]}): ${found}`;
    this.#tell("error", "balancer.alarm", text, { secret: secretName, hop });
  }

  #tellDrift(secretName: SecretName, why: SwapReason): void {
    const text = `${this.#balancer.name}: ${secretName} is put right: ${why}`;
    this.#tell("warn", "balancer.drift", text, { secret: secretName, why });
  }

  #tell(level: Event["level"], name: string, text: string, fields: Event["fields"] = {}): void {
    this.#parts.events.emit({ level, name, text, fields: { balancer: this.#balancer.name, ...fields } });
  }
}

/** What a look found. */
interface Look extends Pick<BalancerSituation, "targets" | "deployments" | "inventory"> {
  /** When it began. */
  readonly since: Date;
  /** What is still to be seen as a client sees it. */
  readonly unproven: Target[];
  /** No client gets an answer. */
  blind: boolean;
}

/** A step about one certificate or answer. */
type Single = Exclude<BalancerStep, { do: "probe" }>;
type Swap = BalancerStep & { readonly do: "swap" };

/** What was right once, and is still there but for what somebody has changed. */
const RESTORED: readonly SwapReason[] = ["another is loaded", "not on disk"];

/** The hops for people. */
const HOPS: Readonly<Record<Hop, string>> = {
  vault: "the vault",
  balancer: "the balancer itself",
  disk: "its file on disk",
  memory: "its memory",
  served: "what clients get",
};
