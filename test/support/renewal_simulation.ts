/**
 * Years of renewal in seconds: the keeper's decisions, event by event, against a CA that goes away, on a machine that is
 * restarted and suspended and whose clock is wrong. Nothing here decides; it carries out what `src/model` says.
 *
 * @module
 */
import { attemptFailed, easeAttempts } from "../../src/model/attempt.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { SidecarError } from "../../src/model/errors.ts";
import { nextRenewal, plan } from "../../src/model/plan.ts";
import type { AttemptRecord, CertificateRecord, Intent } from "../../src/model/records.ts";
import type { RenewalWindow } from "../../src/model/renewal.ts";
import { drawOf, isAskDue, renewalAnswered, type RenewalRecord } from "../../src/model/renewal_record.ts";
import { defaultSecretName, type SecretName } from "../../src/model/secret_name.ts";
import { suggestedWindow } from "../ca/endpoints/renewal_info.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What is simulated. */
export interface SimulationOptions {
  readonly seed: number;
  readonly certificates: number;
  readonly days: number;
  /** Lifetimes, one after the other. */
  readonly lifetimesMs: readonly number[];
  /** `Retry-After` of the CA's renewal information. */
  readonly askAfterMs: number;
}

/** What came of it. */
export interface SimulationFigures {
  readonly renewals: number;
  /** In the window, by the CA's clock. */
  readonly inside: number;
  /** Outside, and no minute of the window found both the CA and the machine there. */
  readonly impossible: number;
  /**
   * Outside, and no minute from the instant that was drawn to the end of the window did, while an earlier one would have. The
   * instant is drawn by chance (RFC 9773 §4.2), and nobody knows at the start of the window who will be gone at its end.
   */
  readonly unforeseen: number;
  /** What the CA recalled, and how long the longest of them took from being told, in milliseconds. */
  readonly recalled: number;
  readonly slowestRecallMs: number;
  /** Certificates that expired while they were held. */
  readonly expired: number;
  /** Those of them for which the CA and the machine were there in the last third of their life. */
  readonly neglected: number;
  /** Renewed twice without need: two orders for one certificate. */
  readonly doubled: number;
  readonly questions: number;
  /** Questions before the CA wanted them. */
  readonly hasty: number;
  readonly failedAttempts: number;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

interface Held {
  record: CertificateRecord;
  renewal: RenewalRecord | undefined;
  attempt: AttemptRecord | undefined;
  readonly lifetimeMs: number;
  /** At the CA's clock. */
  window: RenewalWindow;
  recalledAt: number | undefined;
  mayAskAt: number;
  expired: boolean;
  /** The one event that counts; others in the queue are stale. */
  next: number;
}

/** Runs it; the same options give the same figures. */
export function simulateRenewals(options: SimulationOptions): SimulationFigures {
  const random = seeded(options.seed);
  const start = Date.parse("2026-01-01T00:00:00Z");
  const end = start + options.days * DAY;
  const away = spans(random, start, end, 60 * DAY, [5 * MINUTE, 6 * HOUR], [100 * HOUR]);
  const stopped = merged([
    ...spans(random, start, end, 60 * DAY, [10 * MINUTE, 6 * HOUR], [3 * DAY]), // suspended
    ...spans(random, start, end, 7 * DAY, [20_000, 5 * MINUTE], []), // restarted
  ]);
  const recallAt = start + (options.days * DAY) / 2;
  const figures = { ...NONE };
  const queue = eventQueue();
  let offset = 0; // the CA's clock minus ours
  let known: { readonly offset: number; readonly at: number } | undefined;
  let epoch = 0; // spans of `stopped` that have passed
  let nextClockQuestion = Infinity;

  const awayAt = spanAt(away);
  const stoppedAt = spanAt(stopped);
  const passedStops = passedBy(stopped);
  const isAway = (t: number): boolean => awayAt(t) !== undefined;
  const nowOf = (t: number): Date => new Date(t - offset); // ours
  const caNowOf = (t: number): Date => new Date(t - offset + (known?.offset ?? 0)); // what we take for the CA's

  /** Six hours and a jump, as the keeper. */
  const sure = (t: number): boolean => {
    if (known !== undefined && t - known.at < 6 * HOUR) return true;
    if (isAway(t)) return false;
    known = { offset: Math.floor(offset / 1_000) * 1_000, at: t };
    return true;
  };

  const all: Held[] = Array.from({ length: options.certificates }, (_, i) => {
    const lifetimeMs = options.lifetimesMs[i % options.lifetimesMs.length]!;
    const intent = intentOf(i);
    const born = start - random() * lifetimeMs * 0.4; // not all at once
    const fresh = { renewal: undefined, attempt: undefined, lifetimeMs, expired: false, next: 0 };
    return { ...issued(intent, born, lifetimeMs, 0), ...fresh };
  });
  let serial = 0;
  const failing = new Set<number>();
  let heard: AttemptRecord | undefined; // the newest attempt that succeeded

  const ask = (it: Held, t: number): void => {
    if (!sure(t) || isAway(t)) return; // the clock's question goes unanswered as well, and the keeper rests
    if (!isAskDue(it.record, it.renewal, caNowOf(t))) return; // as in the keeper: by the time that is sure now
    figures.questions++;
    if (t < it.mayAskAt) figures.hasty++;
    it.mayAskAt = t + options.askAfterMs;
    if (t >= recallAt && it.recalledAt === undefined && isRecalledByCa(it, recallAt)) {
      it.recalledAt = t;
      it.window = { start: new Date(t - HOUR), end: new Date(t - HOUR / 2) };
    }
    const answer = { window: it.window, askAfterMs: options.askAfterMs };
    it.renewal = renewalAnswered(it.record.facts.certId!, it.renewal, answer, { now: caNowOf(t), random: random() });
  };

  const order = (it: Held, i: number, t: number): void => {
    count(figures, it, t, { away, stopped });
    Object.assign(it, issued(it.record.intent, t - HOUR, it.lifetimeMs, ++serial), { expired: false });
    it.attempt = { failures: 0, lastAt: nowOf(t) };
    heard = it.attempt;
    failing.delete(i);
  };

  const fail = (it: Held, i: number, t: number): void => {
    figures.failedAttempts++;
    it.attempt = attemptFailed(AWAY, (it.attempt?.failures ?? 0) + 1, nowOf(t), random());
    failing.add(i);
  };

  /** One look of the keeper at these certificates; what is not near its date is not even shown to the plan. */
  const look = (which: readonly number[], t: number): void => {
    const caNow = caNowOf(t);
    const near = which.filter((i) => nextRenewal(all[i]!.record, all[i]!.renewal)!.at <= caNow);
    if (near.length > 0) act(near, t);
    for (const i of which) ask(all[i]!, t);
  };

  const act = (which: readonly number[], t: number): void => {
    const attempts = new Map<SecretName, AttemptRecord>();
    for (const i of which) {
      const { record, attempt } = all[i]!;
      if (attempt !== undefined) attempts.set(record.intent.secretName, attempt);
    }
    if (heard !== undefined) attempts.set(HEARD, heard);
    const planned = plan({
      declared: [],
      held: which.map((i) => all[i]!.record),
      provable: () => true,
      attempts: failing.size === 0 ? attempts : easeAttempts(attempts, nowOf(t)), // those that failed look together
      names: new Map(),
      renewals: new Map(which.map((i) => [all[i]!.record.intent.secretName, all[i]!.renewal!])),
      now: nowOf(t),
      caNow: caNowOf(t),
    });
    for (const { do: what, intent } of planned) {
      if (what !== "issue") continue;
      const i = indexOf(intent);
      const it = all[i]!;
      const known = sure(t);
      if (known && nextRenewal(it.record, it.renewal)!.at > caNowOf(t)) continue; // our clock was wrong
      if (!known || isAway(t)) fail(it, i, t);
      else order(it, i, t + 2_000);
    }
  };

  /** When something may be due by what is known; a look comes within half a minute after it. */
  const schedule = (i: number, t: number): void => {
    const it = all[i]!;
    const due = [
      it.renewal?.certId === it.record.facts.certId ? it.renewal!.askAt.getTime() : t + MINUTE,
      nextRenewal(it.record, it.renewal)!.at.getTime(),
    ].map((at) => at + offset - (known?.offset ?? 0));
    const nextAt = (it.attempt?.nextAt?.getTime() ?? 0) + offset;
    const soonest = Math.min(due[0]!, Math.max(due[1]!, nextAt));
    it.next = Math.max(soonest, t + (isAway(t) ? 10 * MINUTE : 1_000)) + random() * 33_000;
    if (it.next < end) queue.push(it.next, i);
  };

  /** While the CA's time is not known the keeper asks for it, every ten minutes where the CA is away. */
  const askClock = (t: number): void => {
    nextClockQuestion = sure(t) ? Infinity : t + 10 * MINUTE + random() * 33_000;
    if (known === undefined) return;
    for (let i = 0; i < all.length; i++) schedule(i, t); // by the right time now
  };

  for (let i = 0; i < all.length; i++) schedule(i, start);
  let nextKnock = Infinity;
  for (;;) {
    if (nextClockQuestion <= Math.min(nextKnock, queue.peek() ?? Infinity)) {
      const t = nextClockQuestion;
      if (t >= end) break;
      const stop = stoppedAt(t);
      if (stop === undefined) askClock(t);
      else nextClockQuestion = stop.to + random() * 33_000;
      continue;
    }
    const knocking = failing.size > 0 && nextKnock <= (queue.peek() ?? Infinity);
    let t = knocking ? nextKnock : queue.peek() ?? Infinity;
    if (t >= end) break;
    const i = knocking ? undefined : queue.pop()!;
    if (i !== undefined && all[i]!.next !== t) continue;
    const stop = stoppedAt(t);
    if (stop !== undefined) t = stop.to + random() * 15_000; // it goes on when the machine does
    const passed = passedStops(t);
    if (passed > epoch) {
      epoch = passed;
      offset = (random() - 0.5) * (random() < 0.1 ? 4 * HOUR : 20 * MINUTE);
      known = undefined;
      nextClockQuestion = t + random() * 33_000;
    }
    const which = i === undefined ? [...failing] : [i];
    for (const index of which) noteExpiry(figures, all[index]!, t, { away, stopped });
    look(which, t);
    if (i === undefined) nextKnock = t + 4 * MINUTE;
    else schedule(i, t);
    if (failing.size === 0) nextKnock = Infinity;
    else if (nextKnock === Infinity) nextKnock = t + MINUTE;
    if (i === undefined) { for (const index of which.filter((it) => !failing.has(it))) schedule(index, t); }
  }
  return figures;
}

const NONE = {
  renewals: 0,
  inside: 0,
  impossible: 0,
  unforeseen: 0,
  recalled: 0,
  slowestRecallMs: 0,
  expired: 0,
  neglected: 0,
  doubled: 0,
  questions: 0,
  hasty: 0,
  failedAttempts: 0,
};

const AWAY = new SidecarError("CA_TRANSPORT", "no answer");

interface Trouble {
  readonly away: readonly Span[];
  readonly stopped: readonly Span[];
}

function count(figures: typeof NONE, it: Held, t: number, trouble: Trouble): void {
  figures.renewals++;
  noteExpiry(figures, it, t, trouble);
  const { notBefore } = it.record.facts;
  if (t - notBefore.getTime() < 2 * HOUR && it.recalledAt === undefined) figures.doubled++;
  if (it.recalledAt !== undefined) {
    figures.recalled++;
    figures.slowestRecallMs = Math.max(figures.slowestRecallMs, t - it.recalledAt);
    return;
  }
  const { start, end } = it.window;
  if (t >= start.getTime() && t < end.getTime()) figures.inside++;
  else if (!hasGap(start.getTime() + MINUTE, end.getTime(), trouble)) figures.impossible++;
  else if (!hasGap(drawnAt(it), end.getTime(), trouble)) figures.unforeseen++;
}

function drawnAt({ record, renewal, window: { start } }: Held): number {
  const at = drawOf(record, renewal)?.at ?? start; // a window that nobody asked for is no excuse
  return Math.max(start.getTime(), at.getTime());
}

function noteExpiry(figures: typeof NONE, it: Held, t: number, trouble: Trouble): void {
  const { notBefore, notAfter } = it.record.facts;
  if (it.expired || t <= notAfter.getTime()) return;
  it.expired = true;
  figures.expired++;
  const lastThird = notAfter.getTime() - (notAfter.getTime() - notBefore.getTime()) / 3;
  if (hasGap(lastThird, notAfter.getTime(), trouble, 15 * MINUTE)) figures.neglected++;
}

/** Whether there is a time of `ms` or more in which neither the CA was away nor the machine stopped. */
function hasGap(from: number, to: number, { away, stopped }: Trouble, ms = MINUTE): boolean {
  let at = from;
  for (const span of merged([...away, ...stopped].filter((it) => it.to > from && it.from < to))) {
    if (span.from - at >= ms) return true;
    at = Math.max(at, span.to);
  }
  return to - at >= ms;
}

/** A twentieth of all is recalled in the middle of the time. */
function isRecalledByCa({ record }: Held, recallAt: number): boolean {
  return indexOf(record.intent) % 20 === 0 && record.facts.notBefore.getTime() < recallAt - HOUR;
}

function issued(
  intent: Intent,
  notBefore: number,
  lifetimeMs: number,
  serial: number,
): Pick<Held, "record" | "window" | "recalledAt" | "mayAskAt"> {
  const from = new Date(Math.floor(notBefore / 1_000) * 1_000);
  const notAfter = new Date(from.getTime() + lifetimeMs - 1_000);
  const certId = `${indexOf(intent)}.${serial}`;
  const facts = {
    subject: "",
    issuer: "",
    names: intent.names,
    serial: "01",
    notBefore: from,
    notAfter,
    fingerprint: "",
    certId,
  };
  const record = { origin: "ca", intent, facts, directory: CA, account: CA, order: CA, storedAt: from } as const;
  const window = suggestedWindow({ notBefore: from, notAfter }, from);
  return { record, window, recalledAt: undefined, mayAskAt: 0 };
}

/** Where the plan is shown the attempt of another certificate. */
const HEARD = defaultSecretName(parseDnsName("heard.example"));
const CA = new URL("https://ca.test/");

function intentOf(i: number): Intent {
  const name = parseDnsName(`n${i}.example`);
  return {
    names: [name],
    keyType: "ec-256",
    secretName: defaultSecretName(name),
    certType: "fullchain",
    balancers: [],
  };
}

function indexOf({ names: [name] }: Intent): number {
  return Number(name.slice(1, name.indexOf(".")));
}

/** Spans that begin on average each `everyMs`, of lengths between two (short ones are more frequent), and some given ones. */
function spans(
  random: () => number,
  start: number,
  end: number,
  everyMs: number,
  [shortest, longest]: readonly [number, number],
  extra: readonly number[],
): readonly Span[] {
  const found: Span[] = [];
  for (let at = start + random() * everyMs; at < end; at += everyMs * (0.5 + random())) {
    found.push({ from: at, to: at + shortest * (longest / shortest) ** random() });
  }
  const special = extra.map((ms) => start + (0.2 + 0.6 * random()) * (end - start) - ms / 2)
    .map((from, i) => ({ from, to: from + extra[i]! }));
  return merged([...found, ...special]);
}

function merged(all: readonly Span[]): readonly Span[] {
  const result: Span[] = [];
  for (const span of all.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last !== undefined && span.from <= last.to) {
      result[result.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
    } else result.push(span);
  }
  return result;
}

/** Finds how many spans are over at an instant; most questions are about the same place as the one before. */
function passedBy(all: readonly Span[]): (t: number) => number {
  let last = 0;
  return (t) => {
    if (last > 0 && all[last - 1]!.to > t) last = 0;
    while (last < all.length && all[last]!.to <= t) last++;
    return last;
  };
}

/** The span that an instant lies in. */
function spanAt(all: readonly Span[]): (t: number) => Span | undefined {
  const passed = passedBy(all);
  return (t) => {
    const next = all[passed(t)];
    return next !== undefined && next.from <= t ? next : undefined;
  };
}

/** A binary heap of instants. */
function eventQueue(): { push(at: number, i: number): void; pop(): number | undefined; peek(): number | undefined } {
  const times: number[] = [];
  const values: number[] = [];
  const put = (n: number, at: number, i: number): void => {
    times[n] = at;
    values[n] = i;
  };
  return {
    peek: () => times[0],
    push(at: number, i: number): void {
      let n = times.length;
      for (let parent = (n - 1) >> 1; n > 0 && times[parent]! > at; parent = (n - 1) >> 1) {
        put(n, times[parent]!, values[parent]!);
        n = parent;
      }
      put(n, at, i);
    },
    pop(): number | undefined {
      const first = values[0];
      const [at, i] = [times.pop(), values.pop()];
      if (at === undefined || i === undefined || times.length === 0) return first;
      let n = 0;
      for (let child = 1; child < times.length; child = 2 * n + 1) {
        if (child + 1 < times.length && times[child + 1]! < times[child]!) child++;
        if (times[child]! >= at) break;
        put(n, times[child]!, values[child]!);
        n = child;
      }
      put(n, at, i);
      return first;
    },
  };
}

/** Numbers in [0, 1) by a seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
