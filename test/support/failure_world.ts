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
import { limitedAuthority } from "../../src/flow/limited_authority.ts";
import { type Certificates, certificates } from "../../src/flow/certificates.ts";
import { keeper } from "../../src/flow/keeper.ts";
import { reconcile } from "../../src/flow/reconcile.ts";
import type { FlowParts, FlowSettings } from "../../src/flow/parts.ts";
import { repairSecrets } from "../../src/flow/repair.ts";
import { memoryLedger } from "../../src/ledger/memory_ledger.ts";
import { publishedAnswers } from "../../src/ledger/published_answers.ts";
import { type Records, recordsOf } from "../../src/ledger/records.ts";
import { createHash } from "node:crypto";
import { bundlePem, type CertificateFacts } from "../../src/model/certificate.ts";
import { given } from "../../src/model/shape.ts";
import { type DnsName, parseDnsNames } from "../../src/model/dns_name.ts";
import type { AttemptRecord, Intent } from "../../src/model/records.ts";
import type { RateLimit } from "../../src/model/rates.ts";
import type { RenewalRecord } from "../../src/model/renewal_record.ts";
import { bundleFile, defaultSecretName, type SecretName } from "../../src/model/secret_name.ts";
import type { Candidate, Clock, Event, Events, Ledger, LoadBalancer, Vault } from "../../src/ports.ts";
import { registeredDomain } from "../../src/suffixes/registered_domain.ts";
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
  /** The CA's limits, and what it asks us to wait for, are kept as in the product. */
  readonly limits?: readonly RateLimit[];
  /** What happens before the balancer takes a file; it refuses with what this throws. */
  readonly beforeSwap?: (file: string) => void;
  /** What happens before an answer to a challenge is presented for a name. */
  readonly beforePresent?: (name: DnsName) => void;
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
  /** What the CA said about renewal, with the instant that was drawn. */
  renewal(): Promise<RenewalRecord | undefined>;
  /** The facts of the certificate that is held. */
  held(): Promise<CertificateFacts>;
  /** Files that are served, and the serial of each. */
  serials(): ReadonlyMap<string, string>;
  /** Lets time pass until then, by our clock. */
  moveTo(at: Date): void;
  /** Lets so much time pass with a look each `every` milliseconds. */
  pass(ms: number, every: number): Promise<void>;
  /** Somebody sets the machine's clock; the CA keeps its own. */
  setClock(ms: number): void;
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
  /** What is counted and told is counted and told from now on. */
  fromNow(): void;
  /** Another process on the same stores, perhaps with other settings, or with other names declared, for others too. */
  restart(
    settings?: Partial<FlowSettings>,
    names?: readonly string[],
    others?: readonly (readonly string[])[],
  ): World;
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
  const skew = { ms: 0 };
  await using parts = new AsyncDisposableStack();
  const authority = parts.use(
    await startAuthority({
      alwaysValid: true,
      renewalInfo: false, // what the keeper asks on the side would get into the way of what a case counts
      challenges: ["http-01", "dns-01", "tls-alpn-01"],
      now: () => new Date(clock.now().getTime() - skew.ms),
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
    main: bundleFile(intentFor(namesOf(options)).secretName),
    files: new Map(),
    skew,
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

function namesOf({ names = ["www.example.com", "example.com"] }: WorldOptions): readonly string[] {
  return names;
}

function intentFor(texts: readonly string[]): Intent {
  const names = parseDnsNames(texts);
  const secretName = defaultSecretName(names[0]);
  return { names, keyType: "ec-256", secretName, certType: "fullchain", balancers: ["lb"] };
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
  /** The file that is looked at: of the certificate that the case began with. */
  readonly main: string;
  /** All that is served, by its file. */
  readonly files: Map<string, Candidate>;
  /** How far our clock is ahead of the CA's. */
  readonly skew: { ms: number };
  since: Mark;
}

function digestOf(candidate: Candidate | undefined): string | undefined {
  return candidate && createHash("sha256").update(bundlePem(candidate.bundle)).digest("hex");
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
  names = namesOf(shared.options),
  others = shared.options.others ?? [],
): World {
  const { options, clock, authority, stores: { ledger, vault } } = shared;
  const intents = [names, ...others].map(intentFor);
  const intent = intents[0]!;
  const { secretName } = intent;
  const records = recordsOf(ledger);
  const balancers: ReadonlyMap<string, LoadBalancer> = new Map([[
    "lb",
    fakeBalancer({
      name: "lb",
      sign: () => Promise.resolve("worker 1"),
      inventory: ({ files }) =>
        Promise.resolve({
          sign: "worker 1",
          files: new Map(files.map((file) => [file, given("disk", digestOf(shared.files.get(file)))])),
          missing: [],
        }),
      served: (names) =>
        Promise.resolve(
          [...shared.files.values()].flatMap(({ bundle: { facts } }) =>
            facts.names.filter((name) => names.includes(name)).map((name) => ({ ...facts, name }))
          ),
        ),
      // deno-lint-ignore require-await -- what `beforeSwap` throws is an answer
      swap: async (candidate) => {
        options.beforeSwap?.(candidate.file);
        const kind = shared.files.has(candidate.file) ? "replaced" as const : "added" as const;
        shared.files.set(candidate.file, candidate);
        if (candidate.file === shared.main) shared.served = candidate;
        return { kind, shadowed: [] };
      },
    }),
  ]]);
  const events: Events = { emit: (event) => void shared.events.push(event) };
  const client = acmeAuthority({
    directory: options.directory?.(authority) ?? authority.directory,
    clock,
    userAgent: "kontena-certificates-test/1",
    deadline: (ms) => AbortSignal.timeout(Math.min(ms, options.patienceMs ?? 10_000)),
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  });
  const solver = http01Solver({ answers: publishedAnswers(ledger), balancers, clock });
  const { limits } = options;
  const parts: FlowParts = {
    authority: limits === undefined
      ? client
      : limitedAuthority(client, { limits, records, clock, events, registeredDomain }),
    vault,
    records,
    solvers: new Map([["http-01" as const, {
      ...solver,
      present: (challenge, call) => {
        options.beforePresent?.(challenge.name);
        return solver.present(challenge, call);
      },
    }]]),
    balancers,
    clock,
    events,
    settings: {
      keyTypes: ["ec-256"],
      challenges: ["http-01"],
      agreeTos: true,
      declared: intents,
      ...options.settings,
      ...settings,
    },
  };
  const lifetime = new AbortController();
  const answers = presentedAnswers(parts);
  const service = certificates(parts, answers, lifetime.signal);
  const keep = keeper(parts, service, answers, intents);
  const loop = reconcile(parts, service, answers, intents);
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
    renewal: async () => (await records.renewals.get(secretName, CALL))?.value,
    held: async () => (await records.certificates.get(secretName, CALL))!.value.facts,
    serials: () => new Map([...shared.files].map(([file, { bundle }]) => [file, bundle.facts.serial])),
    moveTo: (at) => clock.move(at.getTime() - clock.now().getTime()),
    async pass(ms, every): Promise<void> {
      for (let passed = 0; passed < ms; passed += every) {
        clock.move(every);
        await world.look();
      }
    },
    setClock(ms): void {
      clock.move(ms);
      shared.skew.ms += ms;
    },
    look: async () => {
      await keep.look(CALL);
      await loop.look(CALL).catch(() => {}); // it tells that, and looks again
    },
    served: () => shared.served,
    isRenewed,
    async begin(): Promise<void> {
      await answers.restore(CALL);
      await repairSecrets(parts, CALL);
      for (const { id } of await records.certificates.list(CALL)) await service.follow(id as SecretName, CALL);
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
      world.fromNow();
    },
    fromNow: () => void (shared.since = mark(authority, shared.events.length, shared.served)),
    restart: (settings, names, others) => assemble(shared, settings, undefined, names, others),
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
