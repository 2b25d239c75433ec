/**
 * An ACME CA to test with (RFC 8555, 8737, 9773, draft-ietf-acme-profiles, draft-ietf-acme-acme-01's tls-sni-01): one call
 * starts it, all it does follows from a seed and a clock, and it is as strict as the CAs that count.
 *
 * @example
 * ```ts ignore
 * await using authority = await startAuthority({ httpPort: 5002, like: "pebble" });
 * // … a client gets a certificate from authority.directory …
 * console.log(authority.certificates, authority.log.filter(({ problem }) => problem !== undefined));
 * ```
 *
 * @module
 */
import { makeApp } from "./app.ts";
import { markRevoked } from "./endpoints/revoke.ts";
import { type FaultBoard, faultBoard } from "./faults/board.ts";
import { between, joined, Reset } from "./faults/hooks.ts";
import { startControl } from "./control.ts";
import { type LogEntry, type Note, saidIn } from "./log.ts";
import { nonces } from "./nonces.ts";
import { type Counters, COURSES, type Parts } from "./parts.ts";
import { page } from "./faults/change.ts";
import { refuse } from "./answer.ts";
import { Problem } from "./problem.ts";
import { seeded } from "./random.ts";
import { endpointAt } from "./routes.ts";
import { requestLimit } from "./request_limit.ts";
import { type RawRequest, serve } from "./serve.ts";
import { type AuthorityOptions, type Settings, settingsOf } from "./settings.ts";
import { makeStore, type Store } from "./state/store.ts";
import type { Certificate } from "./state/types.ts";
import { tasks } from "./tasks.ts";
import { urlsBelow } from "./urls.ts";
import { makeIssuer } from "./x509/issuer.ts";
import { makeListener } from "./x509/listener.ts";

export type { FaultBoard, FaultSet } from "./faults/board.ts";
export { CATALOGUE } from "./faults/catalogue.ts";
export { type FaultHooks, type Hooks, type Interference, type Met, Raw } from "./faults/hooks.ts";
export type { FaultKind, Place } from "./faults/kind.ts";
export type { FaultSpec } from "./faults/spec.ts";
export type { LogEntry } from "./log.ts";
export type { Counters } from "./parts.ts";
export { EXTERNAL_ACCOUNT, HABITS, type Like } from "./habits.ts";
export type { NonceSettings } from "./nonces.ts";
export type { RequestLimit } from "./request_limit.ts";
export type { Random } from "./random.ts";
export type { AuthorityOptions, RetryAfter, Settings, Unfinished } from "./settings.ts";
export type { Certificate, ChallengeType } from "./state/types.ts";
export { dnsServer, loopback, type Resolver } from "./validate/resolver.ts";
export { alpnFault } from "./validate/tls_alpn01.ts";
export { tlsSniName } from "./validate/tls_sni01.ts";
export type { Profile } from "./x509/profiles.ts";

/** A CA that runs. */
export interface TestAuthority {
  /** Where a client begins. */
  readonly directory: URL;
  /** The root of the certificates that it issues, PEM. */
  readonly rootPem: string;
  /** Roots of the alternate chains, PEM. */
  readonly alternateRootPems: readonly string[];
  /** With `tls`: the root that its own https has to be trusted by, PEM. */
  readonly tlsRootPem?: string;
  /** Every request in the order of the answers. */
  readonly log: readonly LogEntry[];
  /** What was done so far. */
  readonly counters: Readonly<Counters>;
  /** What goes wrong on purpose; may be changed at any time. */
  readonly faults: FaultBoard;
  /** With `controlPort`: where faults are set over HTTP. */
  readonly control?: URL;
  /** What was issued, in its order. */
  readonly certificates: readonly Certificate[];
  /** What renewal information says about a certificate from now on: any text, also what is none; undefined undoes it. */
  setRenewalInfo(serial: string, body: string | undefined): void;
  /** Revokes as a CA does by itself; the renewal information then says at once. */
  revoke(serial: string, reason?: number): void;
}

/** Starts a CA; disposing ends it with all that it does. */
export async function startAuthority(options: AuthorityOptions = {}): Promise<TestAuthority & AsyncDisposable> {
  const settings = settingsOf(options);
  await using starting = new AsyncDisposableStack();
  const listener = settings.tls ? await makeListener(settings.hostname, settings.now(), settings.tlsFlaw) : undefined;
  const issuer = await makeIssuer(1 + settings.alternates, settings.now());
  const log: LogEntry[] = [];
  let handle = (_: RawRequest): Promise<Response> => Promise.reject(new Reset("Not yet started"));
  const server = starting.use(
    await serve({
      hostname: settings.hostname,
      port: settings.port,
      ...(listener === undefined ? {} : { tls: { cert: listener.certificates, key: listener.privateKey } }),
    }, (request) => handle(request)),
  );
  const host = settings.hostname.includes(":") ? `[${settings.hostname}]` : settings.hostname;
  const parts = makeParts(settings, issuer, `${settings.tls ? "https" : "http"}://${host}:${server.port}`);
  starting.use(parts.tasks);
  for (const spec of settings.faults) parts.faults.set(spec);
  handle = handler(parts, log);
  const { controlPort } = settings;
  const control = controlPort === undefined
    ? undefined
    : starting.use(await startControl(controlPort, parts.faults, log));
  const running = starting.move();
  const [rootPem, ...alternateRootPems] = issuer.roots;
  return {
    directory: new URL(parts.urls.directory),
    rootPem,
    alternateRootPems,
    ...(listener === undefined ? {} : { tlsRootPem: listener.root }),
    log,
    counters: parts.counters,
    faults: parts.faults,
    ...(control === undefined ? {} : { control: control.url }),
    get certificates(): readonly Certificate[] {
      return [...parts.store.certificates.values()];
    },
    setRenewalInfo(serial, body): void {
      const { certId } = bySerial(parts.store, serial);
      if (body === undefined) parts.store.renewals.delete(certId);
      else parts.store.renewals.set(certId, body);
    },
    revoke: (serial, reason = 0) => markRevoked(parts, bySerial(parts.store, serial), reason),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** The parts, with the whole of the board. */
type Running = Parts & { readonly faults: FaultBoard };

function makeParts(settings: Settings, issuer: Parts["issuer"], origin: string): Running {
  const random = seeded(settings.seed);
  const streams = COURSES.map((course) => [course, random.stream(course)] as const);
  return {
    settings,
    store: makeStore(settings.now),
    nonces: nonces(settings, random.stream("nonces"), settings.now),
    issuer,
    urls: urlsBelow(origin),
    tasks: tasks(),
    faults: faultBoard(),
    chance: Object.fromEntries(streams) as Parts["chance"],
    counters: { requests: 0, accounts: 0, orders: 0, ordersHandedBack: 0, validations: 0 },
  };
}

function handler(parts: Parts, log: LogEntry[]): (raw: RawRequest) => Promise<Response> {
  const app = makeApp(parts);
  const { settings, urls, counters, chance } = parts;
  const passes = settings.requests === undefined ? (): boolean => true : requestLimit(settings.requests, settings.now);
  return async ({ method, target, headers, body }) => {
    // A target of another form than a path leads nowhere.
    const request = new Request(`${urls.origin}${target.startsWith("/") ? target : "/"}`, {
      method,
      headers,
      ...(method === "GET" || method === "HEAD" ? {} : { body }),
    });
    const notes: Note[] = [];
    const cut = new AbortController();
    const note = (note: Note): void => void notes.push(note);
    note({ ...given(endpointAt(target)), ...(method === "POST" ? saidIn(body) : {}) });
    const struck = parts.faults.meet(parts, { method, path: target });
    if (struck.names.length > 0) note({ faults: struck.names });
    const bindings = { target, note, struck, reset: (how: Reset) => cut.abort(how) };
    const hooks = joined(settings.hooks.transport, struck.transport);
    const met = { endpoint: "?", method, path: target, count: ++counters.requests, random: chance.faults };
    let status = 0;
    try {
      const response = await between(hooks, met, async () => {
        if (!passes()) return tooMany(parts);
        const response = await app.fetch(request, bindings);
        cut.signal.throwIfAborted();
        return response;
      });
      status = response.status;
      if (!response.headers.has("date")) response.headers.set("date", settings.now().toUTCString()); // else the server's own
      const retryAfter = response.headers.get("retry-after");
      if (retryAfter !== null) note({ retryAfter });
      return response;
    } finally {
      log.push(Object.assign({ at: settings.now(), method, path: target, status }, ...notes));
    }
  };
}

function given(endpoint: string | undefined): Note {
  return endpoint === undefined ? {} : { endpoint };
}

function tooMany(parts: Parts): Response {
  if (parts.settings.requests?.refusal === "html") return page(429);
  const extras = { status: 503, headers: { "retry-after": "1" } };
  return refuse(parts, new Problem("rateLimited", "Service busy; retry later.", extras));
}

function bySerial({ certificates }: Store, serial: string): Certificate {
  const wanted = serial.toUpperCase().replace(/^0+/, "");
  const found = certificates.values().find((it) => it.serial.replace(/^0+/, "") === wanted);
  if (found === undefined) throw new RangeError(`No certificate with serial "${serial}" was issued`);
  return found;
}
