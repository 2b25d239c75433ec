/**
 * The flow and its keeper against the test authority, over HTTP, on one clock that the test moves: what each failure case
 * (F-01 …) is played on, and what holds after every one of them.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { acmeAuthority } from "../../src/acme/authority.ts";
import { http01Solver } from "../../src/challenge/http01.ts";
import { presentedAnswers } from "../../src/flow/answers.ts";
import { type Certificates, certificates } from "../../src/flow/certificates.ts";
import { keeper } from "../../src/flow/keeper.ts";
import type { FlowParts, FlowSettings } from "../../src/flow/parts.ts";
import { repairSecrets } from "../../src/flow/repair.ts";
import { memoryLedger } from "../../src/ledger/memory_ledger.ts";
import { publishedAnswers } from "../../src/ledger/published_answers.ts";
import { type Records, recordsOf } from "../../src/ledger/records.ts";
import { parseDnsNames } from "../../src/model/dns_name.ts";
import type { AttemptRecord, Intent } from "../../src/model/records.ts";
import { bundleFile, defaultSecretName } from "../../src/model/secret_name.ts";
import type { Candidate, Clock, Event, Ledger, LoadBalancer, Vault } from "../../src/ports.ts";
import { memoryVault } from "../../src/vault/memory_vault.ts";
import { type AuthorityOptions, type LogEntry, startAuthority, type TestAuthority } from "../ca/mod.ts";
import { checkAlways, type Expected, listening, type Played, shownEvents } from "./failure_checks.ts";
import { CALL, fakeBalancer } from "./fakes.ts";
import { hastyClock } from "./flow_harness.ts";

/** What a case can decide. */
export interface WorldOptions {
  readonly authority?: AuthorityOptions;
  /** Of the certificate. */
  readonly names?: readonly string[];
  /** Of further certificates that are declared beside it. */
  readonly others?: readonly (readonly string[])[];
  readonly settings?: Partial<FlowSettings>;
  /** No certificate is held yet. */
  readonly fresh?: boolean;
  /** How long one request may take, real milliseconds. */
  readonly patienceMs?: number;
  /** In place of the authority's own directory. */
  readonly directory?: (authority: TestAuthority) => URL;
  /** What a test puts around the vault. */
  readonly vault?: (vault: Vault) => Vault;
  /** Sends requests; Deno's fetch unless told. */
  readonly fetch?: typeof fetch;
  /** Where vault and ledger are; in memory unless told. */
  readonly stores?: (clock: Clock) => Stores;
}

/** Where everything is kept. */
export interface Stores {
  readonly ledger: Ledger;
  readonly vault: Vault;
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
  /** What the balancer serves. */
  served(): Candidate | undefined;
  /** A new certificate is served since the failure began. */
  isRenewed(): boolean;
  /** What the keeper does once when its process starts: it repairs, and every balancer gets what the vault holds. */
  begin(): Promise<void>;
  /** Another process on the same stores, perhaps with other settings, or with other names declared. */
  restart(settings?: Partial<FlowSettings>, names?: readonly string[]): World;
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
      renewalInfo: false, // what the keeper asks on the side would get into the way of what a case counts
      challenges: ["http-01", "dns-01", "tls-alpn-01"],
      now: clock.now,
      ...options.authority,
    }),
  );
  const secrets: string[] = [];
  const made = options.stores?.(clock) ?? { ledger: memoryLedger(clock), vault: memoryVault(clock) };
  const { vault: around = (it: Vault): Vault => it } = options;
  const stores = { ledger: made.ledger, vault: around(listening(made.vault, secrets)) };
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
interface Shared extends Played {
  readonly options: WorldOptions;
  readonly clock: World["clock"];
  readonly authority: TestAuthority;
  readonly stores: Stores;
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

function assemble(
  shared: Shared,
  settings: Partial<FlowSettings> = {},
  owned?: AsyncDisposableStack,
  declared = shared.options.names,
): World {
  const { options, clock, authority, stores: { ledger, vault } } = shared;
  const names = parseDnsNames(declared ?? ["www.example.com", "example.com"]);
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
  const intent: Intent = { names, keyType: "ec-256", secretName, certType: "fullchain", balancers: ["lb"] };
  const others = (options.others ?? []).map((it): Intent => {
    const names = parseDnsNames(it);
    return { ...intent, names, secretName: defaultSecretName(names[0]) };
  });
  const wanted = [intent, ...others];
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
    settings: {
      keyType: "ec-256",
      challenges: ["http-01"],
      agreeTos: true,
      declared: wanted,
      ...options.settings,
      ...settings,
    },
  };
  const lifetime = new AbortController();
  const answers = presentedAnswers(parts);
  const service = certificates(parts, answers, lifetime.signal);
  const keep = keeper(parts, service, answers, wanted);
  const attempt = async (): Promise<AttemptRecord | undefined> => (await records.attempts.get(secretName, CALL))?.value;
  const entries = (): readonly LogEntry[] => authority.log.slice(shared.since.log);
  const serial = (it: Candidate | undefined): string | undefined => it?.bundle.facts.serial;
  const isRenewed = (): boolean => serial(shared.served) !== serial(shared.since.served);
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
    served: () => shared.served,
    isRenewed,
    async begin(): Promise<void> {
      await answers.restore(CALL);
      await repairSecrets(parts, CALL);
      for (const { value } of await records.certificates.list(CALL)) await service.redeploy(value, CALL);
    },
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
    restart: (settings, names) => assemble(shared, settings, undefined, names),
    async check(expected): Promise<void> {
      assertEquals(serial(shared.served), serial(shared.since.served), "another certificate is served than before");
      await checkAlways(shared, world, expected);
    },
    async checkRenewed(expected = {}): Promise<void> {
      assert(isRenewed(), `the old certificate is still served: ${shownEvents(shared)}`);
      await checkAlways(shared, world, expected);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      lifetime.abort(new Error("the case is over"));
      await service.landed();
      await owned?.disposeAsync();
    },
  };
  return world;
}
