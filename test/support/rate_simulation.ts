/**
 * Weeks of a sidecar at a CA with Let's Encrypt's limits, in virtual time. Every certificate is brought about as the flow does
 * it, goes on after a restart with the order that is written down, and is tried again when the keeper would.
 *
 * @module
 */
import { limitedAuthority } from "../../src/flow/limited_authority.ts";
import { memoryLedger } from "../../src/ledger/memory_ledger.ts";
import { recordsOf } from "../../src/ledger/records.ts";
import { attemptWait } from "../../src/model/backoff.ts";
import { type DnsName, parseDnsName } from "../../src/model/dns_name.ts";
import { isRateLimited } from "../../src/model/errors.ts";
import type { Order } from "../../src/model/order.ts";
import { LETSENCRYPT_LIMITS } from "../../src/model/rate_limits.ts";
import type { RateLimit } from "../../src/model/rates.ts";
import type { AccountKey, AuthorityAccount, Call, Clock, Event, Ledger } from "../../src/ports.ts";
import { registeredDomain } from "../../src/suffixes/registered_domain.ts";
import { seeded } from "../ca/random.ts";
import { type LimitingCa, limitingCa } from "./limiting_ca.ts";
import { type VirtualTime, virtualTime } from "./virtual_time.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = new Date("2026-06-01T00:00:00Z");
/** Between the days on which somebody else empties a bucket. */
const STRANGERS_MS = 6 * DAY;
const CSR = new Uint8Array(1);

/** A certificate that is wanted, and what is written down of it. */
interface Wish {
  readonly names: readonly DnsName[];
  /** How long after each certificate the next is wanted; undefined: never. */
  readonly againMs?: number;
  /** The next one names its predecessor. */
  readonly replaces: boolean;
  nextAt: number;
  failures: number;
  got: number;
  order?: Order;
}

/** What became of a simulation. */
export interface Outcome {
  /** Requests that reached the CA. */
  readonly requests: number;
  /** Certificates that it issued. */
  readonly certificates: number;
  /** Requests that were refused before it was asked. */
  readonly refusedHere: number;
  /** Answers 429 by limit and whose it is. */
  readonly limited: ReadonlyMap<string, number>;
  /** Of these, answers to requests that were sent when the first of their scope had been heard. */
  readonly limitedAgain: readonly string[];
  /** Answers 503. */
  readonly busy: number;
  /** Requests that were sent before the time that an answer had named for them. */
  readonly tooEarly: readonly string[];
  readonly restarts: number;
  /** From the beginning to the last certificate. */
  readonly lastMs: number;
}

/** Cold start of a fleet: every certificate is wanted at once, each of one name. */
export async function coldFleet(
  { size, domains, slowestMs = 400, limits = LETSENCRYPT_LIMITS }: {
    readonly size: number;
    /** How many registered domains the names are spread over. */
    readonly domains: number;
    readonly slowestMs?: number;
    readonly limits?: readonly RateLimit[];
  },
): Promise<Outcome & { readonly idealMs: number }> {
  const random = seeded("fleet").stream("time");
  const time = virtualTime(START, () => random.next());
  const ca = limitingCa({ time, domainOf, slowestMs });
  const wishes = Array.from({ length: size }, (_, i) => wish([`n${i}.d${i % domains}.example`]));
  const outcome = await live({ time, ca, wishes, limits, restartEveryMs: Infinity, untilMs: 400 * DAY });
  const byOrders = Math.max(0, size - 300) * 36_000;
  const byDomain = Math.max(0, Math.ceil(size / domains) - 50) * (168 * HOUR / 50);
  return { ...outcome, idealMs: Math.max(byOrders, byDomain) };
}

/** What chaos may hold. */
export interface ChaosOptions {
  readonly seed: string;
  readonly days: number;
  /** Somebody else empties buckets now and then. */
  readonly strangers: boolean;
  readonly limits?: readonly RateLimit[];
}

/** Random names and failures, slow and lost answers, maintenance, restarts at any moment. */
export async function chaos({ seed, days, strangers, limits = LETSENCRYPT_LIMITS }: ChaosOptions): Promise<Outcome> {
  const root = seeded(seed);
  const chance = root.stream("wishes");
  const steps = root.stream("time");
  const time = virtualTime(START, () => steps.next());
  let busyUntil: Date | undefined;
  const ca = limitingCa({
    time,
    domainOf,
    failing: (name) => name.startsWith("bad"),
    slowestMs: 4_000,
    lossRate: 0.01,
    busyUntil: () => busyUntil,
  });
  const wishes = randomWishes(() => chance.next(), days);
  const always: Call = { signal: new AbortController().signal };
  const maintenance = async (): Promise<void> => {
    for (let day = 0; day < days; day += 2) {
      await time.sleep(2 * DAY * (0.5 + steps.next()), always);
      busyUntil = new Date(time.now().getTime() + steps.next() * HOUR);
    }
  };
  const drain = async (): Promise<void> => {
    for (const [limit, key] of [["orders", ""], ["domain", "d1.example"], ["domain", "d2.example"]] as const) {
      await time.sleep(STRANGERS_MS, always);
      ca.drain(limit, key);
    }
  };
  maintenance().catch(() => {});
  if (strangers) drain().catch(() => {});
  return await live({ time, ca, wishes, limits, restartEveryMs: 9 * HOUR, untilMs: days * DAY });
}

/** A fleet at once, a crowded domain, names that fail, one set over and over, and something new now and then. */
function randomWishes(random: () => number, days: number): readonly Wish[] {
  const at = (): number => START.getTime() + random() * days * DAY;
  const later = (wish: Wish): Wish => ({ ...wish, nextAt: at() });
  const some = <T>(count: number, make: (i: number) => T): readonly T[] =>
    Array.from({ length: count }, (_, i) => make(i));
  const day3 = START.getTime() + 3 * DAY;
  return [
    ...some(500, (i) => ({ ...wish([`n${i}.fleet${i}.example`]), nextAt: day3 })),
    ...some(90, (i) => later(wish([`n${i}.crowd.example`, ...i % 3 === 0 ? [`m${i}.crowd.example`] : []]))),
    ...some(70, (i) => ({ ...wish([`k${i}.crowd.example`]), nextAt: day3 })),
    // Right after a stranger was there.
    ...some(120, (i) => ({
      ...wish([`z${i}.${i % 3 === 0 ? "d1" : i % 3 === 1 ? "d2" : `other${i}`}.example`]),
      nextAt: START.getTime() + (1 + i % 3) * STRANGERS_MS + i * 20_000,
    })),
    ...some(12, (i) => later(wish([`bad${i % 6}.d${i}.example`, `good${i}.d${i}.example`]))),
    ...some(4, (i) => wish([`same.d${i}.example`], { againMs: HOUR, replaces: false })),
    ...some(150, (i) =>
      later(wish([`x${i}.d${i % 20}.example`, `*.y${i}.d${(i * 7) % 20}.example`], {
        againMs: 4 * DAY,
        replaces: i % 2 === 0,
      }))),
  ];
}

function wish(
  names: readonly string[],
  more: Pick<Wish, "againMs" | "replaces"> | { replaces: false } = { replaces: false },
): Wish {
  return { names: names.map((it) => parseDnsName(it)), nextAt: START.getTime(), failures: 0, got: 0, ...more };
}

function domainOf(name: DnsName): string {
  return name.split(".").slice(-2).join(".");
}

interface Life {
  readonly time: VirtualTime;
  readonly ca: LimitingCa;
  readonly wishes: readonly Wish[];
  readonly limits: readonly RateLimit[];
  readonly restartEveryMs: number;
  readonly untilMs: number;
}

async function live({ time, ca, wishes, limits, restartEveryMs, untilMs }: Life): Promise<Outcome> {
  const ledger = memoryLedger(time);
  const end = START.getTime() + untilMs;
  const events: Event[] = [];
  let restarts = 0;
  let lastMs = 0;
  const process = async (): Promise<void> => {
    while (time.now().getTime() < end) {
      const life = new AbortController();
      const account = open(ca, ledger, time, limits, events);
      const works = wishes.map((it) =>
        fulfil(it, account, time, end, { signal: life.signal }, () => lastMs = time.now().getTime() - START.getTime())
          .catch((error) => {
            if (!life.signal.aborted) throw error;
          })
      );
      const dies = time.sleep(Math.min(restartEveryMs * 2 * time.random(), end), { signal: life.signal }).then(() =>
        true
      );
      const killed = await Promise.race([dies, Promise.all(works).then(() => false)]);
      life.abort(new Error("killed"));
      await Promise.allSettled([dies, ...works]);
      if (!killed) return;
      restarts++;
    }
  };
  const lived = process();
  await time.run(new Date(end));
  await time.run(new Date(end + DAY)); // what sleeps beyond the end sees that it is over
  await lived;
  await ledger[Symbol.asyncDispose]();
  return { ...judged(ca), refusedHere: events.filter((it) => it.name === "rate.refused").length, restarts, lastMs };
}

function open(
  ca: LimitingCa,
  ledger: Ledger,
  clock: Clock,
  limits: readonly RateLimit[],
  events: Event[],
): AuthorityAccount {
  const told = { emit: (event: Event): void => void events.push(event) };
  const limited = limitedAuthority(ca, { limits, records: recordsOf(ledger), clock, events: told, registeredDomain });
  return limited.as(new URL("https://ca.test/account/1"), {} as AccountKey);
}

/** Brings a certificate about, again and again; what is written down in the wish survives the process. */
async function fulfil(
  wish: Wish,
  account: AuthorityAccount,
  time: VirtualTime,
  end: number,
  call: Call,
  done: () => void,
): Promise<void> {
  while (Number.isFinite(wish.nextAt)) {
    // The keeper looks every half minute.
    const wait = wish.nextAt - time.now().getTime() + time.random() * 30_000;
    if (time.now().getTime() + wait > end) return;
    await time.sleep(wait, call);
    try {
      await attempt(wish, account, time, call);
      done();
      wish.got++;
      wish.failures = 0;
      wish.nextAt = wish.againMs === undefined ? Infinity : time.now().getTime() + wish.againMs;
    } catch (error) {
      if (call.signal.aborted) throw error;
      const waits = isRateLimited(error) && error.retryAt !== undefined;
      if (!waits) wish.failures++;
      wish.nextAt = waits ? error.retryAt.getTime() : time.now().getTime() + attemptWait(wish.failures, time.random());
    }
  }
}

async function attempt(wish: Wish, account: AuthorityAccount, time: VirtualTime, call: Call): Promise<void> {
  const { names } = wish;
  const replaces = wish.replaces && wish.got > 0 ? { replaces: `id.${wish.got}` } : {};
  let order = wish.order === undefined
    ? await account.newOrder({ names, ...replaces }, call)
    : await account.order(wish.order.url, call);
  wish.order = order;
  if (order.status === "pending") {
    const found = await Promise.all(order.authorizations.map((url) => account.authorization(url, call)));
    const open = found.filter((it) => it.status === "pending");
    await Promise.all(open.map((it) => account.respond(it.challenges[0]!.url, call)));
    await time.sleep(1_000, call);
    order = wish.order = await account.order(order.url, call);
  }
  if (order.status === "invalid") {
    await Promise.all(order.authorizations.map((url) => account.authorization(url, call)));
    delete wish.order;
    throw new Error("the CA was not convinced");
  }
  if (order.status === "ready") order = wish.order = await account.finalize(order, CSR, call);
  if (order.status === "valid") await account.certificate(order.certificate, call);
  delete wish.order;
}

/** Compares what was sent with what had been heard by then. */
function judged(ca: LimitingCa): Omit<Outcome, "refusedHere" | "restarts" | "lastMs"> {
  const { sent, refused, issued } = ca;
  const heard = Map.groupBy(refused.filter((it) => it.heard !== undefined), (it) => it.scope);
  const tooEarly = sent.flatMap(({ at, place, scopes }) =>
    scopes.flatMap((scope) =>
      (heard.get(scope) ?? []).filter((it) => it.heard! < place && at < it.until).map(() =>
        `${new Date(at).toISOString()} ${scope}`
      )
    )
  );
  const limits = refused.filter((it) => it.scope !== "all");
  const again = limits.filter((it) => (heard.get(it.scope) ?? []).some((first) => first.heard! < it.sent));
  return {
    requests: sent.length,
    certificates: [...issued.values()].reduce((sum, count) => sum + count, 0),
    limited: new Map([...Map.groupBy(limits, (it) => it.scope)].map(([scope, all]) => [scope, all.length])),
    limitedAgain: again.map((it) => `${new Date(it.sentAt).toISOString()} ${it.scope}`),
    busy: refused.length - limits.length,
    tooEarly,
  };
}
