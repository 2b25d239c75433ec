/**
 * The composition root: the only file that knows all adapters.
 *
 * @module
 */
import {
  acmeAuthority,
  balancerService,
  type Call,
  type CertificateAuthority,
  certificates,
  type Clock,
  dns01ByHandSolver,
  type Event,
  type Events,
  http01Solver,
  importAccountKey,
  keeper,
  type Ledger,
  limitedAuthority,
  type LoadBalancer,
  makeSealer,
  memoryLedger,
  memoryVault,
  normaliseValue,
  outboxVault,
  presentedAnswers,
  publishedAnswers,
  reconcile,
  recordsOf,
  registeredDomain,
  SidecarError,
  tlsAlpn01Solver,
  tlsSni01Solver,
  type Vault,
  watchedVault,
} from "../mod.ts";
import { ACCOUNT_KEY, parseSecretName, type SecretName } from "../src/model/secret_name.ts";
import { given } from "../src/model/shape.ts";
import { awaitBalancers } from "./await_balancers.ts";
import { systemClock } from "./clock.ts";
import type { Config } from "./config.ts";
import { type Door, openDoor } from "./door.ts";
import { watchFaults } from "./faults.ts";
import { dnsLookup } from "./net/dns.ts";
import { sniListener } from "./net/sni_listener.ts";
import type { BalancerConfig } from "./balancers.ts";
import { type BalancerParts, haproxyBalancer } from "./haproxy/balancer.ts";
import { kontenaBalancer } from "./kontena/balancer.ts";
import { api } from "./http/api.ts";
import { challengeApp } from "./http/challenge_app.ts";
import type { Identity } from "./identity.ts";
import { allEvents } from "./log.ts";
import { makeMetrics } from "./metrics.ts";
import { outboxFolder } from "./outbox.ts";
import { readiness } from "./readiness.ts";
import { checkVaultKey, openSqlite, sqliteLedger, sqliteVault } from "./sqlite/mod.ts";

/** The name that every request to a CA carries (RFC 8555 §6.1). */
export const USER_AGENT = "kontena-certificates/0.1.0";

/** What a test may put between the parts. */
export interface Seams {
  readonly ledger?: (ledger: Ledger) => Ledger;
  readonly vault?: (vault: Vault) => Vault;
  readonly clock?: Clock;
}

/**
 * Starts the sidecar behind its API's door. Disposing drains it: nothing new begins, what is under way is left at a step that
 * is written down. It needs neither the CA nor a balancer to start; `/ready` says what is missing.
 *
 * @throws {SidecarError} `VAULT_KEY` or `VAULT_UNAVAILABLE` if the vault cannot be opened; nothing was changed then.
 */
export async function startSidecar(
  config: Config,
  identity: Identity,
  log: Events,
  door: Door,
  seams: Seams = {},
): Promise<AsyncDisposable> {
  await using started = new AsyncDisposableStack();
  const metrics = makeMetrics();
  const events = allEvents(log, metrics);
  started.use(watchFaults(events));
  const { clock = systemClock } = seams;
  const lifetime = new AbortController();

  const stores = await openStores(config, identity, clock, started);
  const stored = await withOutbox(config, identity, seams.vault?.(stores.vault) ?? stores.vault, { clock, events });
  const vault = watchedVault(stored);
  const records = recordsOf(seams.ledger?.(stores.ledger) ?? stores.ledger);
  const answered = publishedAnswers(seams.ledger?.(stores.ledger) ?? stores.ledger);

  const balancers: ReadonlyMap<string, LoadBalancer> = new Map(
    config.balancers.map((it) => [it.name, openBalancer(it, { clock, events, answers: config.challengeListen })]),
  );
  const { challengeTlsListen } = config;
  const listener = challengeTlsListen === undefined ? undefined : started.use(sniListener(challengeTlsListen));
  const authority = limitedAuthority(await openAuthority(config, clock, started, metrics.countAnswer), {
    limits: config.rateLimits,
    records,
    clock,
    events,
    registeredDomain,
  });
  const parts = {
    authority,
    vault,
    records,
    solvers: new Map(
      [
        http01Solver({ answers: answered, balancers, clock }),
        tlsAlpn01Solver({ balancers, now: () => clock.now() }),
        tlsSni01Solver({ balancers, vault, now: () => clock.now(), ...given("listener", listener) }),
        dns01ByHandSolver({ dns: dnsLookup({ servers: config.resolvers }) }),
      ].map((solver) => [solver.type, solver]),
    ),
    balancers,
    clock,
    events,
    settings: settingsOf(config, vault),
  };
  const answers = started.use(presentedAnswers(parts));
  const service = certificates(parts, answers, lifetime.signal);
  const overBalancers = balancerService({ ...parts, answers: answered }, lifetime.signal);

  const challenge = started.use(openDoor("CHALLENGE_HTTP_LISTEN", config.challengeListen));
  challenge.lead(challengeApp(answered).fetch);
  const face = api({
    service,
    balancers: overBalancers,
    vault,
    token: identity.token,
    grid: config.grid,
    events,
    clock,
    normalise: normaliseValue,
    checkSecret,
    ready: () => readiness({ authority, vault, balancers, records, clock, declared: config.certificates }),
    metrics: () => metrics.exposition(service, records, deadline(5_000)),
  });
  door.lead(face.fetch);

  const call = { signal: lifetime.signal };
  const keeping = awaitBalancers(balancers.values(), clock, call)
    .then(() => keeper(parts, service, answers, config.certificates).run(call));
  const reconciling = reconcile(parts, service, answers, config.certificates).run(call);
  started.defer(() => ended(lifetime, () => [keeping, reconciling, service.landed(), overBalancers.landed()]));
  tellStarted(events, config, door.port, challenge.port);
  return started.move();
}

/** Ends all work: each wait ends at once, and what was begun stands in the ledger. */
async function ended(lifetime: AbortController, works: () => readonly Promise<void>[]): Promise<void> {
  lifetime.abort(new SidecarError("ORDER_TIMEOUT", "The sidecar is stopping", { todo: "repeat the command" }));
  await Promise.allSettled(works());
}

async function openStores(
  config: Config,
  identity: Identity,
  clock: Clock,
  started: AsyncDisposableStack,
): Promise<{ readonly vault: Vault; readonly ledger: Ledger }> {
  if (config.vault.kind === "memory") {
    return { vault: started.use(memoryVault(clock)), ledger: started.use(memoryLedger(clock)) };
  }
  const store = started.use(openSqlite(config.vault.path));
  const sealer = await makeSealer(identity.vaultKey);
  await checkVaultKey(store, sealer);
  const ledger = config.ledger.kind === "memory" ? memoryLedger(clock) : sqliteLedger(store, clock);
  return { vault: started.use(sqliteVault(store, sealer, clock)), ledger: started.use(ledger) };
}

/** Where the vault outlives the process, so does what waits for it. */
async function withOutbox(
  { outbox }: Config,
  { vaultKey }: Identity,
  vault: Vault,
  parts: { readonly clock: Clock; readonly events: Events },
): Promise<Vault> {
  if (outbox === undefined) return vault;
  return outboxVault({ ...parts, vault, outbox: outboxFolder(outbox), sealer: await makeSealer(vaultKey) });
}

/** A Kontena Load Balancer whose runtime socket is shared is also an HAProxy that swaps at once, where it is new enough. */
function openBalancer(config: BalancerConfig, parts: BalancerParts): LoadBalancer {
  if (config.kind === "haproxy") return haproxyBalancer(config, parts);
  const { socket, etcd: _etcd, service: _service, ...rest } = config;
  const runtime = socket === undefined
    ? undefined
    : haproxyBalancer({ ...rest, kind: "haproxy", socket: { transport: "unix", path: socket } }, parts);
  return kontenaBalancer(config, { ...parts, ...given("runtime", runtime) });
}

async function openAuthority(
  config: Config,
  clock: Clock,
  started: AsyncDisposableStack,
  count: (status: number) => void,
): Promise<CertificateAuthority> {
  const caCerts = config.caFile === undefined ? [] : [await Deno.readTextFile(config.caFile)];
  const client = started.adopt(Deno.createHttpClient({ caCerts }), (it) => it.close());
  return acmeAuthority({
    directory: config.directories[0],
    hosts: config.acmeHosts,
    fetch: (input, init) => fetch(input, { ...init, client }),
    clock,
    userAgent: USER_AGENT,
    onAnswer: (note) => count(note.status),
  });
}

function settingsOf(config: Config, vault: Vault): Parameters<typeof presentedAnswers>[0]["settings"] {
  const { keyTypes, challenges, profile, preferredChain, email, agreeTos, eabKid } = config;
  return {
    keyTypes,
    challenges,
    agreeTos,
    declared: config.certificates,
    ...given("profile", profile),
    ...given("preferredChain", preferredChain),
    ...given("email", email),
    externalAccount: async () => {
      const name: SecretName = parseSecretName("ACME_EAB_HMAC_KEY");
      const hmacKey = config.eabHmacKey ?? (await vault.read(name, deadline(5_000)))?.value;
      return eabKid === undefined || hmacKey === undefined ? undefined : { kid: eabKid, hmacKey };
    },
  };
}

/** The account key is refused at the door if it cannot sign; other secrets are the operator's own. */
async function checkSecret(name: SecretName, value: string): Promise<void> {
  if (name === ACCOUNT_KEY) await importAccountKey(value);
}

function deadline(ms: number): Call {
  return { signal: AbortSignal.timeout(ms) };
}

function tellStarted(events: Events, config: Config, api: number, challenge: number): void {
  const event: Event = {
    level: "info",
    name: "sidecar.started",
    text: `API on ${config.apiListen.hostname}:${api}, http-01 on ${config.challengeListen.hostname}:${challenge},` +
      ` CA ${config.directories[0]}, balancers ${config.balancers.map((it) => it.name).join(", ") || "none"}`,
    fields: { api, challenge },
  };
  events.emit(event);
}
