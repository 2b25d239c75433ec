import { describe } from "../model/errors.ts";
import { type SecretName, secretOf } from "../model/secret_name.ts";
import type { Call, LoadBalancer } from "../ports.ts";
import { answersAt, lookAt } from "./balancer_look.ts";
import { type BalancerNews, balancerNews } from "./balancer_news.ts";
import { type Presence, presenceOf } from "./balancer_presence.ts";
import { type BalancerRepair, balancerRepair, type RepairTools } from "./balancer_repair.ts";
import type { FlowParts } from "./parts.ts";
import type { TargetReader } from "./targets.ts";

/** How often the sign of a balancer is looked at. */
const SIGN_MS = 1_000;
/** How often it is looked for when it is away. */
const AWAY_MS = 200;
/** How often everything is looked at although nothing seems to have changed; spread, that balancers do not march in step. */
const LOOK_MS = 30_000;
/** Who wrote something swaps it in by himself: he is let go first, and several writes become one look. */
const GATHER_MS = 30;

/** Where that many files were changed at once, everything is looked at. */
const MANY = 64;
/** Whoever changes files as fast as they are put right is let have his way for the rest of the time between two looks. */
const ALERTS = 5;

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
export interface WatchTools extends Pick<RepairTools, "service" | "answers"> {
  /** Shared by all balancers. */
  readonly targets: TargetReader;
}

/** Makes the {@linkcode BalancerWatch} of a balancer. */
export function balancerWatch(parts: FlowParts, tools: WatchTools, balancer: LoadBalancer): BalancerWatch {
  return new Watch(parts, tools, balancer);
}

class Watch implements BalancerWatch {
  readonly #parts: FlowParts;
  readonly #targets: TargetReader;
  readonly #balancer: LoadBalancer;
  readonly #news: BalancerNews;
  readonly #presence: Presence;
  readonly #repair: BalancerRepair;
  #due = new Date(0);
  #looked = false;
  /** How often changed files were looked at since the last look that was due. */
  #alerts = 0;
  readonly #touched = new Set<SecretName>();
  /** Ends the rest early. */
  #wake: () => void = () => {};

  constructor(parts: FlowParts, { targets, ...tools }: WatchTools, balancer: LoadBalancer) {
    this.#parts = parts;
    this.#targets = targets;
    this.#balancer = balancer;
    const news = balancerNews(parts.events, balancer.name);
    const presence = presenceOf(balancer, news);
    const between = (call: Call): Promise<void> => this.#lookAtTouched(call);
    const lookBy = (at: Date): void => this.#lookBy(at);
    const again = (secretName: SecretName): void => void this.#touched.add(secretName);
    this.#news = news;
    this.#presence = presence;
    this.#repair = balancerRepair(parts, { ...tools, presence, news, between, again, lookBy }, balancer);
  }

  touch(secretName: SecretName): void {
    this.#touched.add(secretName);
    if (!this.#presence.away) this.#wake();
  }

  async run(call: Call): Promise<void> {
    while (!call.signal.aborted) {
      await this.#turn(call).then(() => this.#news.failure(undefined), (error: unknown) => {
        if (call.signal.aborted) return;
        this.#news.failure(`${this.#balancer.name} cannot be looked after: ${describe(error)}`);
      });
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

  async #turn(call: Call): Promise<void> {
    const sign = await this.#presence.ask(call);
    if (sign === undefined) return;
    const { clock } = this.#parts;
    const wait = this.#due.getTime() - clock.now().getTime();
    if (sign !== this.#presence.sign || wait <= 0 || wait > 2 * LOOK_MS) { // the clock may have been set back
      this.#alerts = 0;
      await this.#lookAtAll(call);
    } else {
      await this.#lookForChanges(call);
      await this.#lookAtTouched(call);
    }
  }

  async #lookForChanges(call: Call): Promise<void> {
    if (this.#alerts === ALERTS) return;
    const files = await this.#balancer.changed?.(call) ?? [];
    if (files.length === 0) return;
    this.#alerts++;
    if (files.length > MANY) return await this.#lookAtAll(call);
    for (const file of files) this.#touched.add(secretOf(file));
  }

  async #lookAtAll(call: Call): Promise<void> {
    const { clock } = this.#parts;
    this.#touched.clear();
    this.#due = new Date(clock.now().getTime() + LOOK_MS * (0.9 + 0.2 * clock.random()));
    // At the start it is the keeper who puts answers up again.
    const answers = this.#looked ? await answersAt(this.#parts, this.#balancer.name, call) : [];
    this.#looked = true;
    const targets = await this.#targets.all(call);
    const look = await lookAt(this.#parts, this.#balancer, targets, answers, call);
    this.#presence.looked(look.inventory.sign);
    this.#repair.forgetOthers(look);
    await this.#repair.carryOut(look, targets, call);
  }

  async #lookAtTouched(call: Call): Promise<void> {
    if (this.#touched.size === 0) return;
    const names = new Set(this.#touched);
    this.#touched.clear();
    const targets = await this.#targets.some(names, call);
    const look = await lookAt(this.#parts, this.#balancer, targets, [], call);
    if (look.inventory.sign === this.#presence.sign) await this.#repair.carryOut(look, targets, call);
    else this.#presence.forget(); // it was started anew just now: there is more to look at than this
  }

  /** Until the next look at the sign, or until something was written. */
  async #rest(call: Call): Promise<void> {
    const { clock } = this.#parts;
    const { away } = this.#presence;
    if (this.#touched.size === 0 || away) {
      const over = new AbortController();
      const { promise: woken, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const sleep = clock.sleep(away ? AWAY_MS : SIGN_MS, {
        signal: AbortSignal.any([call.signal, over.signal]),
      });
      await Promise.race([sleep, woken]).finally(() => over.abort());
    }
    if (this.#touched.size > 0 && !away) await clock.sleep(GATHER_MS, call);
  }
}
