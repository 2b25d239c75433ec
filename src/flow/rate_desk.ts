import { type DnsName, nameSet } from "../model/dns_name.ts";
import { AcmeProblemError, isRateLimited, SidecarError } from "../model/errors.ts";
import type { Authorization, Order } from "../model/order.ts";
import {
  demandsOf,
  failureDemands,
  type RateDemand,
  type RateQuestion,
  type RegisteredDomain,
} from "../model/rate_demand.ts";
import { drained } from "../model/rate_learning.ts";
import { type Asked, type Scope, scopesOf, scopesOfRefusal } from "../model/rate_scope.ts";
import { bound, scopeText, usedText, usedUp } from "../model/rate_text.ts";
import type { RateLimit } from "../model/rates.ts";
import { given } from "../model/shape.ts";
import { type RateBook, rateBook, takenOver } from "../ledger/rate_book.ts";
import { type RateEntries, rateEntries } from "../ledger/rate_entries.ts";
import { type OrderNotes, orderNotes } from "../ledger/rate_orders.ts";
import { rateIdPrefix, type Records } from "../ledger/records.ts";
import { type WaitBook, waitBook } from "../ledger/wait_book.ts";
import type { Call, Clock, Events } from "../ports.ts";
import { recent } from "./recent.ts";

/** What a {@linkcode limitedAuthority} is made of. */
export interface LimitedOptions {
  /** The CA's limits; none are needed for its `Retry-After` to bind. */
  readonly limits: readonly RateLimit[];
  /** Where it is written down, so that it holds over restarts. */
  readonly records: Pick<Records, "rates">;
  /** Times everything. */
  readonly clock: Clock;
  /** Hears of every refusal, ours and the CA's. */
  readonly events: Events;
  /** By the list of public suffixes. */
  readonly registeredDomain: RegisteredDomain;
}

/** How long the ledger keeps what is over: it is looked through no more often. */
const SWEEP_MS = 3_600_000;

/** Looks first, counts, asks, learns: what every request to one CA goes through. */
export class RateDesk {
  /** What is known of orders. */
  readonly orders: OrderNotes;
  readonly #directory: URL;
  readonly #options: LimitedOptions;
  readonly #entries: RateEntries;
  readonly #book: RateBook;
  readonly #waits: WaitBook;
  /** Authorizations whose failure was counted; a turn is the time between two sweeps. */
  readonly #failed = recent<string, true>();
  /** Which name a challenge is about, until it is answered. */
  readonly #names = recent<string, DnsName>();
  #sweptAt: number;

  /** Makes the desk of one CA. */
  constructor(directory: URL, options: LimitedOptions) {
    const { limits, records, clock } = options;
    this.#directory = directory;
    this.#options = options;
    this.#entries = rateEntries(records.rates, rateIdPrefix(directory), takenOver(limits, directory, clock));
    this.#book = rateBook(this.#entries, directory, clock);
    this.#waits = waitBook(this.#entries, directory, clock);
    this.orders = orderNotes(this.#entries, { directory, clock, limits });
    this.#sweptAt = clock.now().getTime();
  }

  /** Reads the ledger, and now and then clears it of what is over. */
  async open(call: Call): Promise<void> {
    await this.#entries.load(call);
    const now = this.#options.clock.now().getTime();
    if (now - this.#sweptAt < SWEEP_MS) return;
    this.#sweptAt = now;
    this.#failed.turn();
    this.#names.turn();
    await Promise.all([this.#book.sweep(call), this.#waits.sweep(call), this.orders.sweep(call)]);
  }

  /** Sends a request that no bucket is about. */
  async ask<T>(asked: Asked, call: Call, send: () => Promise<T>): Promise<T> {
    await this.open(call);
    const scopes = scopesOf(asked, this.#options.registeredDomain);
    this.#checkWaits(asked, scopes);
    return await this.#sent(asked, scopes, call, send);
  }

  /** Sends a request that takes something from buckets. */
  async take<T>(
    asked: Asked,
    question: RateQuestion,
    call: Call,
    send: () => Promise<T>,
    insists = false,
  ): Promise<T> {
    await this.open(call);
    const { limits, registeredDomain } = this.#options;
    return await this.#admitted(asked, demandsOf(limits, question, registeredDomain), call, send, insists);
  }

  /** An order has one certificate, however often it is sent off. */
  async finalize(asked: Asked, order: Order, call: Call, send: () => Promise<Order>, insists: boolean): Promise<Order> {
    await this.open(call);
    const { limits, registeredDomain } = this.#options;
    const { counted, renewal } = this.orders.find(order);
    const question: RateQuestion = {
      ask: "finalize",
      ...given("account", asked.account),
      names: order.names,
      ...given("renewal", renewal),
    };
    const demands = counted ? [] : demandsOf(limits, question, registeredDomain);
    const noted = async (): Promise<Order> => {
      if (demands.length > 0) await this.orders.noteCounted(order, true, call);
      try {
        return await send();
      } catch (error) {
        if (demands.length > 0 && isUncounted(error)) await this.orders.noteCounted(order, false, call);
        throw error;
      }
    };
    const answer = await this.#admitted(asked, demands, call, noted, insists);
    await this.orders.noteIssued(order, call);
    return answer;
  }

  /** Looks at an authorization that the CA has shown: one that is invalid counts, once. */
  async seen(account: URL, { url, name, status, challenges }: Authorization, call: Call): Promise<void> {
    for (const challenge of challenges) {
      if (challenge.status === "pending") this.#names.set(challenge.url.href, name);
      else this.#names.delete(challenge.url.href);
    }
    if (status !== "invalid" || this.#failed.get(url.href) === true) return;
    this.#failed.set(url.href, true);
    const { limits, registeredDomain } = this.#options;
    const admission = await this.#book.admit(failureDemands(limits, account, name, registeredDomain), "", call);
    await admission.counted(call);
  }

  /** The name that a challenge is about, where its authorization was read. */
  namesOf(challenge: URL): readonly DnsName[] {
    const name = this.#names.get(challenge.href);
    return name === undefined ? [] : [name];
  }

  /** From the first look to the reservation nothing else happens: two requests cannot get the same token. */
  async #admitted<T>(
    asked: Asked,
    demands: readonly RateDemand[],
    call: Call,
    send: () => Promise<T>,
    insists: boolean,
  ): Promise<T> {
    const scopes = scopesOf(asked, this.#options.registeredDomain);
    const asker = nameSet(asked.names ?? []);
    this.#checkWaits(asked, scopes);
    const all = [...demands, ...this.#waits.paces(scopes)];
    if (!insists) this.#checkBuckets(asked, all, asker);
    const admission = await this.#book.admit(all, asker, call);
    let counts = true;
    try {
      return await this.#sent(asked, scopes, call, send);
    } catch (error) {
      counts = !isUncounted(error);
      throw error;
    } finally {
      await (counts ? admission.counted(call) : admission.uncounted(call));
    }
  }

  #checkWaits({ endpoint }: Asked, scopes: readonly Scope[]): void {
    const wait = this.#waits.find(scopes);
    if (wait === undefined) return;
    // It was told when it was learned, and whoever looks whether we are ready asks every few seconds.
    this.#refused("retry-after", `${endpoint}: the CA asked to wait`, wait.until, "debug");
    throw bound(endpoint, wait.until, wait.why, wait.stated);
  }

  #checkBuckets({ endpoint }: Asked, demands: readonly RateDemand[], asker: string): void {
    const refusal = this.#book.refusal(demands, asker);
    if (refusal === undefined) return;
    this.#refused(refusal.demand.limit.name, usedText(refusal), refusal.turnAt);
    throw usedUp(endpoint, refusal);
  }

  /** Sends it, and learns from the answer. */
  async #sent<T>(asked: Asked, scopes: readonly Scope[], call: Call, send: () => Promise<T>): Promise<T> {
    try {
      const result = await send();
      if (!this.#book.isAwaited(this.#waits.paces(scopes))) await this.#waits.forget(scopes, call);
      return result;
    } catch (error) {
      if (isRateLimited(error) || (error instanceof SidecarError && error.retryAt !== undefined)) {
        // Memory knows it even where it cannot be written down; the CA's words matter more than that.
        await this.#learn(error, asked, call).catch(() => {});
      }
      throw error;
    }
  }

  async #learn(error: SidecarError, asked: Asked, call: Call): Promise<void> {
    const { limits, registeredDomain, events } = this.#options;
    const scopes = scopesOfRefusal(error, asked, registeredDomain);
    const known = drained(limits, error, scopes, asked.account);
    const paced = known.length === 0 && error.status === 429;
    const wait = await this.#waits.note(error, scopes, paced, call);
    await this.#book.learn(known, wait.until, call);
    events.emit({
      level: "warn",
      name: "rate.learned",
      text: `${this.#directory.host} refuses ${
        scopes.map(scopeText).join(" and ")
      } until ${wait.until.toISOString()}: ${wait.why}`,
      fields: { endpoint: asked.endpoint, scope: scopes[0]?.per ?? "", until: wait.until.toISOString() },
    });
  }

  #refused(limit: string, what: string, until: Date, level: "debug" | "info" = "info"): void {
    this.#options.events.emit({
      level,
      name: "rate.refused",
      text: `The CA was not asked: ${what}; again at ${until.toISOString()}`,
      fields: { limit, until: until.toISOString() },
    });
  }
}

/** The CA said no, and meant the request: it counts nothing then. What broke on the way, or at the CA, may have been counted. */
function isUncounted(error: unknown): boolean {
  if (error instanceof AcmeProblemError) {
    return (error.problem.status ?? error.status ?? 400) < 500 || isRateLimited(error);
  }
  return isRateLimited(error) && error.status === 429;
}
