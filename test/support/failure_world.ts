/**
 * The flow and its keeper against the test authority, over HTTP, on one clock that the test moves: what each failure case
 * (F-01 …) is played on, and what holds after every one of them.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { assert, assertEquals } from "@std/assert";
import { acmeAuthority } from "../../src/acme/authority.ts";
import { http01Solver } from "../../src/challenge/http01.ts";
import { presentedAnswers } from "../../src/flow/answers.ts";
import { type Certificates, certificates } from "../../src/flow/certificates.ts";
import { keeper } from "../../src/flow/keeper.ts";
import type { FlowParts, FlowSettings } from "../../src/flow/parts.ts";
import { memoryLedger } from "../../src/ledger/memory_ledger.ts";
import { publishedAnswers } from "../../src/ledger/published_answers.ts";
import { type Records, recordsOf } from "../../src/ledger/records.ts";
import { parseDnsNames } from "../../src/model/dns_name.ts";
import type { ErrorCode } from "../../src/model/errors.ts";
import type { AttemptRecord, Intent } from "../../src/model/records.ts";
import { bundleFile, certificateSecrets, defaultSecretName } from "../../src/model/secret_name.ts";
import type { Candidate, Event, Ledger, LoadBalancer, SecretWrite, Vault } from "../../src/ports.ts";
import { memoryVault } from "../../src/vault/memory_vault.ts";
import { type AuthorityOptions, type LogEntry, startAuthority, type TestAuthority } from "../ca/mod.ts";
import { CALL, fakeBalancer } from "./fakes.ts";
import { hastyClock } from "./flow_harness.ts";

/** What a case can decide. */
export interface WorldOptions {
  readonly authority?: AuthorityOptions;
  /** Of the certificate. */
  readonly names?: readonly string[];
  readonly settings?: Partial<FlowSettings>;
  /** No certificate is held yet. */
  readonly fresh?: boolean;
  /** How long one request may take, real milliseconds. */
  readonly patienceMs?: number;
  /** In place of the authority's own directory. */
  readonly directory?: (authority: TestAuthority) => URL;
  /** Sends requests; Deno's fetch unless told. */
  readonly fetch?: typeof fetch;
}

/** What has to be true after a failure. */
export interface Expected {
  /** The class that an event tells; none where nothing failed. */
  readonly code?: ErrorCode;
  /** Found in that event's text. */
  readonly says?: RegExp;
}

/** One sidecar's inside, with its CA. */
export interface World extends AsyncDisposable {
  readonly authority: TestAuthority;
  readonly clock: ReturnType<typeof hastyClock>;
  readonly events: readonly Event[];
  readonly service: Certificates;
  readonly records: Records;
  readonly vault: Vault;
  readonly intent: Intent;
  /** Requests since the failure began, for example `newOrder 201`. */
  requests(): readonly string[];
  /** Log entries since then. */
  log(): readonly LogEntry[];
  /** Certificates that were issued, and orders that were made, since then. */
  made(): { readonly certificates: number; readonly orders: number };
  attempt(): Promise<AttemptRecord | undefined>;
  /** The keeper looks once, now. */
  look(): Promise<void>;
  /** The keeper looks, then each time when it wants to try again, until a new certificate is served. */
  lookUntilRenewed(looks?: number): Promise<void>;
  /** Sets faults, and lets the time of renewal come. */
  strike(...faults: readonly string[]): Promise<void>;
  /** Another process on the same stores, perhaps with other settings. */
  restart(settings?: Partial<FlowSettings>): World;
  /** Holds after every failure: the old certificate serves, nothing leaked, the CA's wishes were kept, and it was told. */
  check(expected: Expected): Promise<void>;
  /** The same where a new certificate serves. */
  checkRenewed(expected?: Expected): Promise<void>;
}

/** Plays a case: a certificate is held and served, unless `fresh`. */
export async function inWorld(options: WorldOptions, play: (world: World) => Promise<void>): Promise<void> {
  await using world = await openWorld(options);
  await play(world);
}

async function openWorld(options: WorldOptions): Promise<World> {
  const clock = hastyClock(new Date("2026-11-23T12:00:00Z"));
  await using parts = new AsyncDisposableStack();
  const authority = parts.use(
    await startAuthority({
      alwaysValid: true,
      challenges: ["http-01", "dns-01", "tls-alpn-01"],
      now: clock.now,
      ...options.authority,
    }),
  );
  const secrets: string[] = [];
  const stores = { ledger: memoryLedger(clock), vault: listening(memoryVault(clock), secrets) };
  const shared: Shared = {
    options,
    clock,
    authority,
    stores,
    secrets,
    events: [],
    served: undefined,
    since: mark(authority),
  };
  const world = assemble(shared, {}, parts.move());
  if (options.fresh === true) return world;
  try {
    await world.look();
    assertEquals(shared.served?.bundle.facts.names.length, world.intent.names.length, shownEvents(shared));
    return world;
  } catch (error) {
    await world[Symbol.asyncDispose]();
    throw error;
  }
}

/** What outlives a process. */
interface Shared {
  readonly options: WorldOptions;
  readonly clock: World["clock"];
  readonly authority: TestAuthority;
  readonly stores: { readonly ledger: Ledger; readonly vault: Vault };
  readonly secrets: string[];
  readonly events: Event[];
  served: Candidate | undefined;
  since: Mark;
}

/** Where a failure began. */
interface Mark {
  readonly log: number;
  readonly certificates: number;
  readonly orders: number;
  readonly events: number;
  readonly served?: Candidate | undefined;
}

function mark(authority: TestAuthority, events = 0, served?: Candidate): Mark {
  const { log, certificates, counters } = authority;
  return { log: log.length, certificates: certificates.length, orders: counters.orders, events, served };
}

function assemble(shared: Shared, settings: Partial<FlowSettings> = {}, owned?: AsyncDisposableStack): World {
  const { options, clock, authority, stores: { ledger, vault } } = shared;
  const names = parseDnsNames(options.names ?? ["www.example.com", "example.com"]);
  const secretName = defaultSecretName(names[0]);
  const records = recordsOf(ledger);
  const balancers: ReadonlyMap<string, LoadBalancer> = new Map([[
    "lb",
    fakeBalancer({
      name: "lb",
      swap: (candidate) => {
        const kind = shared.served === undefined ? "added" as const : "replaced" as const;
        if (candidate.file === bundleFile(secretName)) shared.served = candidate;
        return Promise.resolve({ kind, shadowed: [] });
      },
    }),
  ]]);
  const parts: FlowParts = {
    authority: acmeAuthority({
      directory: options.directory?.(authority) ?? authority.directory,
      clock,
      userAgent: "kontena-certificates-test/1",
      deadline: (ms) => AbortSignal.timeout(Math.min(ms, options.patienceMs ?? 10_000)),
      ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
    }),
    vault,
    records,
    solvers: new Map([["http-01" as const, http01Solver({ answers: publishedAnswers(ledger), balancers, clock })]]),
    balancers,
    clock,
    events: { emit: (event) => void shared.events.push(event) },
    settings: { keyType: "ec-256", challenges: ["http-01"], agreeTos: true, ...options.settings, ...settings },
  };
  const intent: Intent = { names, keyType: "ec-256", secretName, certType: "fullchain", balancers: ["lb"] };
  const lifetime = new AbortController();
  const answers = presentedAnswers(parts);
  const service = certificates(parts, answers, lifetime.signal);
  const keep = keeper(parts, service, answers, [intent]);
  const attempt = async (): Promise<AttemptRecord | undefined> => (await records.attempts.get(secretName, CALL))?.value;
  const entries = (): readonly LogEntry[] => authority.log.slice(shared.since.log);
  const isRenewed = (): boolean => shared.served !== undefined && shared.served !== shared.since.served;
  const world: World = {
    authority,
    clock,
    get events(): readonly Event[] {
      return shared.events.slice(shared.since.events);
    },
    service,
    records,
    vault,
    intent,
    log: entries,
    requests: () => entries().map(({ endpoint, status }) => `${endpoint ?? "?"} ${status}`),
    made: () => ({
      certificates: authority.certificates.length - shared.since.certificates,
      orders: authority.counters.orders - shared.since.orders,
    }),
    attempt,
    look: () => keep.look(CALL),
    async lookUntilRenewed(looks = 12): Promise<void> {
      for (let left = looks; left > 0 && !isRenewed(); left--) {
        await world.look();
        if (isRenewed()) return;
        const next = (await attempt())?.nextAt?.getTime() ?? 0;
        clock.move(Math.max(30_000, next - clock.now().getTime()));
      }
      assert(isRenewed(), `not renewed in ${looks} looks: ${shownEvents(shared)}`);
    },
    async strike(...faults): Promise<void> {
      for (const fault of faults) authority.faults.set(fault);
      const held = (await records.certificates.get(secretName, CALL))?.value.facts;
      if (held !== undefined) clock.move((held.notAfter.getTime() - held.notBefore.getTime()) * 0.7);
      shared.since = mark(authority, shared.events.length, shared.served);
    },
    restart: (settings = {}) => assemble(shared, settings),
    async check({ code, says }): Promise<void> {
      const serial = (it: Candidate | undefined): string | undefined => it?.bundle.facts.serial;
      assertEquals(serial(shared.served), serial(shared.since.served), "another certificate is served than before");
      await checkAlways(shared, world, code, says);
    },
    async checkRenewed({ code, says } = {}): Promise<void> {
      assert(isRenewed(), `the old certificate is still served: ${shownEvents(shared)}`);
      await checkAlways(shared, world, code, says);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      lifetime.abort(new Error("the case is over"));
      await service.landed();
      await owned?.disposeAsync();
    },
  };
  return world;
}

async function checkAlways(shared: Shared, world: World, code?: ErrorCode, says?: RegExp): Promise<void> {
  await checkPairs(shared, world);
  checkPatience(world);
  await checkSecrets(shared, world);
  const told = world.events.filter(({ level }) => level === "error");
  if (code === undefined) return assertEquals(told, []);
  const found = told.filter(({ fields }) => fields?.["code"] === code);
  assert(found.length > 0, `no event tells ${code}: ${shownEvents(shared)}`);
  if (says !== undefined) assert(found.some(({ text }) => says.test(text)), `${says}: ${shownEvents(shared)}`);
}

/** Key and certificate belong together, in the vault and where they are served. */
async function checkPairs({ served }: Shared, { vault, intent }: World): Promise<void> {
  if (served === undefined) return;
  const names = certificateSecrets(intent.secretName);
  const read = async (name: keyof typeof names): Promise<string> => (await vault.read(names[name], CALL))?.value ?? "";
  const [bundle, key, certificate] = [await read("bundle"), await read("privateKey"), await read("certificate")];
  for (const pem of [bundle, certificate, served.bundle.certificates.join("")]) {
    for (const keyPem of [key, served.bundle.keyPem]) {
      assert(new X509Certificate(pem).checkPrivateKey(createPrivateKey(keyPem)), "key and certificate do not match");
    }
  }
  assert(bundle.includes(key.trim()), "the bundle has another key");
}

/** After 429 and 503 the same is not asked before Retry-After; after other answers a minute is enough. */
function checkPatience({ log }: World): void {
  const until = new Map<string, number>();
  for (const { endpoint = "?", at, retryAfter, status, path } of log()) {
    const binding = status === 429 || status === 503;
    const resource = binding ? endpoint : path;
    const notBefore = Math.max(until.get(endpoint) ?? 0, until.get(path) ?? 0);
    assert(
      at.getTime() >= notBefore,
      `${endpoint} was asked at ${at.toISOString()}, before ${new Date(notBefore).toISOString()}`,
    );
    const seconds = /^\d+$/.test(retryAfter ?? "")
      ? Number(retryAfter)
      : (Date.parse(retryAfter ?? "") - at.getTime()) / 1000;
    const most = binding ? 30 * 86_400 : 60;
    if (seconds > 0) until.set(resource, at.getTime() + Math.min(seconds, most) * 1000 - 1_000); // headers have seconds
  }
}

/** No private key, MAC key or token of the vault in anything that is told. */
async function checkSecrets({ secrets, events, options }: Shared, { records, authority }: World): Promise<void> {
  const attempts = (await records.attempts.list(CALL)).map(({ value }) => value);
  const told = JSON.stringify([events, attempts, authority.log]);
  assert(!told.includes("PRIVATE KEY"), "a private key is told");
  const external = await options.settings?.externalAccount?.();
  for (const secret of [...secrets, ...(external === undefined ? [] : [external.hmacKey])]) {
    assert(!told.includes(secret), "a secret is told");
  }
}

/** Remembers what is secret in what is written. */
function listening(vault: Vault, secrets: string[]): Vault {
  return {
    ...vault,
    write: (writes: readonly SecretWrite[], call) => {
      const keys = writes.flatMap(({ value }) => value.match(/-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]+/g) ?? []);
      // The first two lines of a key have its secret part, the others may have the public one.
      secrets.push(...keys.flatMap((key) => key.split("\n").slice(1, 3)));
      return vault.write(writes, call);
    },
  };
}

function shownEvents({ events }: Shared): string {
  return events.map(({ level, name, text, fields }) => `${level} ${name} ${fields?.["code"] ?? ""} ${text}`).join("\n");
}
