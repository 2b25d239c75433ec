/**
 * A CA behind the port that keeps Let's Encrypt's limits as Boulder does, written from its documentation and not with our
 * buckets: it answers 429 and `Retry-After` in both forms, and notes every request and every refusal for a judge.
 *
 * @module
 */
import { baseName, type DnsName, nameSet } from "../../src/model/dns_name.ts";
import { AcmeProblemError, SidecarError } from "../../src/model/errors.ts";
import type { Authorization, Order } from "../../src/model/order.ts";
import { retryAfterMs } from "../../src/model/retry_after.ts";
import type { AuthorityAccount, Call, CertificateAuthority, NewOrder } from "../../src/ports.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** How the CA and the way to it behave. */
export interface LimitingCaOptions {
  readonly time: VirtualTime;
  /** Whose domain a name is. */
  readonly domainOf: (name: DnsName) => string;
  /** Names whose validation fails. */
  readonly failing?: (name: DnsName) => boolean;
  /** The longest that a request or its answer is under way, in milliseconds. */
  readonly slowestMs: number;
  /** Share of answers that are lost. */
  readonly lossRate?: number;
  /** Whether it is down for maintenance until then. */
  readonly busyUntil?: () => Date | undefined;
}

/** One refusal, as a judge sees it. */
export interface Refused {
  /** The limit, and whose. */
  readonly scope: string;
  /** When the request that was refused was sent; its place among all that was sent and heard. */
  readonly sentAt: number;
  readonly sent: number;
  /** Its answer's place, where it came to somebody who was still there. */
  readonly heard?: number;
  readonly until: number;
}

/** One request. */
export interface Sent {
  readonly at: number;
  /** Its place among all that was sent and heard: many things happen in one millisecond. */
  readonly place: number;
  /** What could be refused: every scope that it falls into. */
  readonly scopes: readonly string[];
}

/** The CA, and what a judge has to know. */
export interface LimitingCa extends CertificateAuthority {
  readonly sent: readonly Sent[];
  readonly refused: readonly Refused[];
  readonly issued: ReadonlyMap<string, number>;
  /** Somebody else takes everything that is left in a bucket. */
  drain(limit: keyof typeof LIMITS, key: string): void;
}

const HOUR = 3_600_000;
const LIMITS = {
  orders: { count: 300, periodMs: 3 * HOUR },
  domain: { count: 50, periodMs: 168 * HOUR },
  names: { count: 5, periodMs: 168 * HOUR },
  failures: { count: 5, periodMs: HOUR },
} as const;

interface Kept {
  readonly order: Omit<Order, "status">;
  status: Order["status"];
  readonly exempt: boolean;
}

/** Makes the CA. */
export function limitingCa(options: LimitingCaOptions): LimitingCa {
  const { time, domainOf, failing = (): boolean => false, slowestMs, lossRate = 0 } = options;
  const sent: Sent[] = [];
  const refused: Refused[] = [];
  const issued = new Map<string, number>();
  const orders = new Map<string, Kept>();
  const authorizations = new Map<string, { readonly name: DnsName; status: Authorization["status"] }>();
  const credits = new Map<string, { credit: number; at: number }>();
  const forever: Call = { signal: new AbortController().signal };
  const clock = (): number => time.now().getTime();
  let count = 0;
  let places = 0;

  /** Milliseconds until one token is there; 0 where it is. */
  const missing = (limit: keyof typeof LIMITS, key: string): number => {
    const { count, periodMs } = LIMITS[limit];
    const id = `${limit} ${key}`;
    const known = credits.get(id) ?? { credit: periodMs, at: clock() };
    known.credit = Math.min(periodMs, known.credit + clock() - known.at);
    known.at = clock();
    credits.set(id, known);
    return Math.max(0, periodMs / count - known.credit);
  };
  const take = (limit: keyof typeof LIMITS, key: string): void => {
    const { count, periodMs } = LIMITS[limit];
    if (missing(limit, key) === 0) credits.get(`${limit} ${key}`)!.credit -= periodMs / count;
  };

  /** One request: the way there, the deed, the way back. What was sent arrives though its sender has died. */
  const ask = async <T>(scopes: readonly string[], call: Call, deed: () => T): Promise<T> => {
    call.signal.throwIfAborted();
    const sentAt = clock();
    const place = ++places;
    sent.push({ at: sentAt, place, scopes: ["all", ...scopes] });
    const way = (): Promise<void> => time.sleep(time.random() * slowestMs, forever);
    const answer = way().then(async () => {
      let result: { readonly value: T } | { readonly error: unknown };
      try {
        const busy = options.busyUntil?.();
        if (busy !== undefined && busy > time.now()) throw new Refusal("all", busy.getTime() - clock(), "maintenance");
        result = { value: deed() };
      } catch (error) {
        result = { error };
      }
      const header = "error" in result && result.error instanceof Refusal ? retryAfter(result.error.waitMs) : undefined;
      await way();
      if (time.random() < lossRate) throw new SidecarError("CA_TRANSPORT", "connection reset");
      if ("value" in result) return result.value;
      const { error } = result;
      if (!(error instanceof Refusal)) throw error;
      const waitMs = retryAfterMs(header!, time.now())!;
      const until = clock() + waitMs;
      refused.push({
        scope: error.scope,
        sentAt,
        sent: place,
        until,
        ...call.signal.aborted ? {} : { heard: ++places },
      });
      throw error.said(new Date(until));
    });
    answer.catch(() => {});
    return await abortable(answer, call.signal);
  };

  /** Both forms by chance; neither sooner than the truth. */
  const retryAfter = (waitMs: number): Headers => {
    const now = Math.floor(clock() / 1_000) * 1_000;
    if (time.random() < 0.5) return new Headers({ "retry-after": String(Math.ceil(waitMs / 1_000)) });
    const at = Math.ceil((clock() + waitMs) / 1_000) * 1_000;
    return new Headers({ "retry-after": new Date(at).toUTCString(), date: new Date(now).toUTCString() });
  };

  const check = (limit: keyof typeof LIMITS, key: string, endpoint: string, text: string): void => {
    const waitMs = missing(limit, key);
    if (waitMs > 0) throw new Refusal(`${endpoint} ${limit} ${key}`, waitMs, text);
  };

  const checkCertificate = (names: readonly DnsName[], endpoint: string, free: boolean): void => {
    if (!free) {
      for (const domain of domains(names)) {
        check(
          "domain",
          domain,
          endpoint,
          `too many certificates (50) already issued for "${domain}" in the last 168h0m0s`,
        );
      }
    }
    const text = "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s";
    check("names", nameSet(names), endpoint, text);
  };

  const domains = (names: readonly DnsName[]): ReadonlySet<string> =>
    new Set(names.map((it) => domainOf(baseName(it))));
  const scopesOf = (endpoint: string, names: readonly DnsName[]): readonly string[] => [
    `${endpoint} orders `,
    ...[...domains(names)].map((it) => `${endpoint} domain ${it}`),
    `${endpoint} names ${nameSet(names)}`,
    ...names.map((it) => `${endpoint} failures ${baseName(it)}`),
  ];

  const show = ({ order, status }: Kept): Order =>
    status === "valid"
      ? { ...order, status, certificate: new URL(`${order.url}/certificate`) }
      : { ...order, status } as Order;

  const account = (url: URL): AuthorityAccount => ({
    url,
    read: (call) => ask([], call, () => ({ status: "valid", contact: [] })),
    update: ({ contact }, call) => ask([], call, () => ({ status: "valid", contact })),
    deactivate: (call) => ask([], call, () => {}),
    changeKey: (_key, call) => ask([], call, () => {}),
    newOrder: ({ names, replaces }: NewOrder, call: Call) =>
      ask(scopesOf("newOrder", names), call, () => {
        const renewal = issued.has(nameSet(names));
        if (replaces === undefined) {
          if (!renewal) {
            check("orders", "", "newOrder", "too many new orders (300) from this account in the last 3h0m0s");
          }
          checkCertificate(names, "newOrder", renewal);
          for (const name of names) {
            const text = `too many failed authorizations (5) for "${baseName(name)}" in the last 1h0m0s`;
            check("failures", baseName(name), "newOrder", text);
          }
          if (!renewal) take("orders", "");
        }
        const url = new URL(`https://ca.test/order/${++count}`);
        const urls = names.map((name) => {
          const url = new URL(`https://ca.test/authorization/${++count}`);
          authorizations.set(url.href, { name, status: "pending" });
          return url;
        });
        const order = { url, names, authorizations: urls, finalize: new URL(`${url}/finalize`) };
        const kept: Kept = { order, status: "pending", exempt: replaces !== undefined };
        orders.set(url.href, kept);
        return show(kept);
      }),
    async *orders(): AsyncIterable<URL> {},
    order: (url, call) =>
      ask([], call, () => {
        const kept = orders.get(url.href)!;
        const states = kept.order.authorizations.map((it) => authorizations.get(it.href)!.status);
        if (kept.status === "pending" && states.includes("invalid")) kept.status = "invalid";
        if (kept.status === "pending" && states.every((it) => it === "valid")) kept.status = "ready";
        return show(kept);
      }),
    authorization: (url, call) =>
      ask([], call, () => {
        const { name, status } = authorizations.get(url.href)!;
        const state = status === "pending" ? "pending" : status === "valid" ? "valid" : "invalid";
        const token = "t".repeat(22);
        return { url, name, status, challenges: [{ type: "http-01", url: new URL(`${url}/c`), status: state, token }] };
      }),
    respond: (url, call) =>
      ask([], call, () => {
        const found = authorizations.get(url.href.slice(0, -2))!;
        if (found.status === "pending") {
          found.status = failing(found.name) ? "invalid" : "valid";
          if (found.status === "invalid") take("failures", baseName(found.name));
        }
        return { type: "http-01", url, status: "processing", token: "t" };
      }),
    finalize: (order, _csr, call) =>
      ask(scopesOf("finalize", order.names), call, () => {
        const kept = orders.get(order.url.href)!;
        if (kept.status !== "ready") throw new SidecarError("CA_ANSWER", `the order is ${kept.status}`);
        const set = nameSet(order.names);
        const renewal = kept.exempt || issued.has(set);
        // Stricter than Boulder, which looks only when the order is placed.
        if (!kept.exempt) checkCertificate(order.names, "finalize", renewal);
        if (!renewal) { for (const domain of domains(order.names)) take("domain", domain); }
        take("names", set);
        kept.status = "valid";
        issued.set(set, (issued.get(set) ?? 0) + 1);
        return show(kept);
      }),
    certificate: (_, call) => ask([], call, () => ({ pem: "", alternates: [] })),
    revoke: (_certificate, _reason, call) => ask([], call, () => {}),
  });

  return {
    directory: new URL("https://ca.test/directory"),
    sent,
    refused,
    issued,
    drain(limit, key): void {
      while (missing(limit, key) === 0) take(limit, key);
    },
    about: (call) => ask([], call, () => ({ caaIdentities: [], externalAccountRequired: false, profiles: {} })),
    register: (_key, _request, call) => ask([], call, () => new URL("https://ca.test/account/1")),
    renewalInfo: (_, call) => ask([], call, () => undefined),
    clockOffsetMs: (call) => ask([], call, () => 0),
    find: (_, call) => ask([], call, () => undefined),
    as: account,
  };
}

class Refusal extends Error {
  readonly scope: string;
  readonly waitMs: number;

  constructor(scope: string, waitMs: number, text: string) {
    super(text);
    this.scope = scope;
    this.waitMs = waitMs;
  }

  said(retryAt: Date): SidecarError {
    // A front that is busy has no problem document, and what it says is about every request.
    if (this.scope === "all") {
      return new SidecarError("CA_TRANSPORT", "503", { status: 503, retryAt, beforeAll: true });
    }
    const problem = {
      type: "urn:ietf:params:acme:error:rateLimited",
      detail: this.message,
      status: 429,
      subproblems: [],
    };
    return new AcmeProblemError(problem, { status: 429, retryAt });
  }
}

function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const leave = (): void => reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  return promise;
}
