/**
 * The flow with memory stores, a CA behind the port and a clock that runs as fast as it can.
 *
 * @module
 */
import { dns01ByHandSolver } from "../../src/challenge/dns01_by_hand.ts";
import { http01Solver } from "../../src/challenge/http01.ts";
import { presentedAnswers } from "../../src/flow/answers.ts";
import { type Certificates, certificates } from "../../src/flow/certificates.ts";
import { limitedAuthority } from "../../src/flow/limited_authority.ts";
import type { FlowParts, FlowSettings } from "../../src/flow/parts.ts";
import { memoryLedger } from "../../src/ledger/memory_ledger.ts";
import { publishedAnswers } from "../../src/ledger/published_answers.ts";
import { type Records, recordsOf } from "../../src/ledger/records.ts";
import type {
  Candidate,
  ChallengeSolver,
  Clock,
  Event,
  Ledger,
  LoadBalancer,
  Served,
  SwapReport,
  Vault,
} from "../../src/ports.ts";
import { createHash } from "node:crypto";
import { bundlePem } from "../../src/model/certificate.ts";
import type { FileHops } from "../../src/model/inventory.ts";
import { given } from "../../src/model/shape.ts";
import type { RateLimit } from "../../src/model/rates.ts";
import { registeredDomain } from "../../src/suffixes/registered_domain.ts";
import { memoryVault } from "../../src/vault/memory_vault.ts";
import { CALL, fakeBalancer, fakeDns } from "./fakes.ts";
import { type PortAuthority, portAuthority, type PortAuthorityOptions } from "./port_authority.ts";

/** A clock whose sleeps end at once, and count. */
export function hastyClock(start: Date = new Date("2026-06-01T00:00:00Z")): Clock & { move(ms: number): void } {
  let now = start.getTime();
  return {
    now: () => new Date(now),
    random: () => 0.5,
    move: (ms) => void (now += ms),
    sleep: (ms, { signal }) => {
      signal.throwIfAborted();
      now += ms;
      return Promise.resolve();
    },
  };
}

/** What a test can decide. */
export interface HarnessOptions extends Omit<PortAuthorityOptions, "clock"> {
  /** Another clock than {@linkcode hastyClock}, for a keeper that runs. */
  readonly clock?: Clock;
  readonly settings?: Partial<FlowSettings>;
  /** TXT values by record name; may be changed while the test runs. */
  readonly dns?: Record<string, readonly string[]>;
  /** What the balancers do; by default they serve. */
  readonly swap?: (candidate: Candidate, balancer: string) => Promise<SwapReport>;
  readonly balancers?: readonly string[];
  /** Adapters in place of the balancers that only remember. */
  readonly adapters?: readonly LoadBalancer[];
  /** Further solvers, made for the balancers. */
  readonly solvers?: (balancers: ReadonlyMap<string, LoadBalancer>) => readonly ChallengeSolver[];
  /** What happens when a file is taken out of a balancer; by default it goes. */
  readonly remove?: (file: string, balancer: string) => Promise<void>;
  /** The CA's limits are kept by a {@linkcode limitedAuthority}. */
  readonly limits?: readonly RateLimit[];
  /** Put between the flow and its stores, for example to end it at a write. */
  readonly ledger?: (ledger: Ledger) => Ledger;
  readonly vault?: (vault: Vault) => Vault;
}

/** One sidecar's inside. */
export interface Harness {
  readonly service: Certificates;
  readonly parts: FlowParts;
  readonly records: Records;
  readonly authority: PortAuthority;
  readonly clock: ReturnType<typeof hastyClock>;
  readonly events: Event[];
  readonly swaps: string[];
  /** Files that were taken out of balancers. */
  readonly removals: string[];
  readonly vault: Vault;
  /** The same stores and the same CA under a new process. */
  restart(options?: Pick<HarnessOptions, "ledger" | "vault" | "limits" | "settings" | "swap">): Promise<Harness>;
}

/** Makes a harness whose account is registered already. */
export async function harness(options: HarnessOptions = {}): Promise<Harness> {
  const clock = options.clock === undefined ? hastyClock() : { ...options.clock, move: () => {} };
  const stores = { ledger: memoryLedger(clock), vault: memoryVault(clock) };
  const authority = await portAuthority({ ...options, clock });
  return await assemble(options, clock, stores, authority);
}

async function assemble(
  options: HarnessOptions,
  clock: Harness["clock"],
  stores: { readonly ledger: Ledger; readonly vault: Vault },
  authority: PortAuthority,
): Promise<Harness> {
  const events: Event[] = [];
  const swaps: string[] = [];
  const removals: string[] = [];
  const ledger = options.ledger?.(stores.ledger) ?? stores.ledger;
  const vault = options.vault?.(stores.vault) ?? stores.vault;
  const records = recordsOf(ledger);
  const swap = options.swap ?? (() => Promise.resolve({ kind: "replaced" as const, shadowed: [] }));
  const digests = new Map<string, string>();
  const has = new Map<string, Served & { readonly file: string }>();
  const hopsOf = (name: string, files: readonly string[]): ReadonlyMap<string, FileHops> =>
    new Map(files.map((file) => [file, given("disk", digests.get(`${name} ${file}`))]));
  const fakes = (options.balancers ?? ["infra/lb"]).map((name) =>
    fakeBalancer({
      name,
      sign: () => Promise.resolve("worker 1"),
      inventory: ({ files }) => Promise.resolve({ sign: "worker 1", files: hopsOf(name, files), missing: [] }),
      served: (names) => Promise.resolve(names.flatMap((it) => has.get(`${name} ${it}`) ?? [])),
      swap: async (candidate) => {
        const { file, bundle } = candidate;
        swaps.push(`${name} ${file} ${bundle.facts.serial}`);
        const report = await swap(candidate, name);
        digests.set(`${name} ${file}`, createHash("sha256").update(bundlePem(bundle)).digest("hex"));
        for (const it of bundle.facts.names) has.set(`${name} ${it}`, { name: it, ...bundle.facts, file });
        return report;
      },
      remove: async (file) => {
        await options.remove?.(file, name);
        removals.push(`${name} ${file}`);
        digests.delete(`${name} ${file}`);
        for (const [key, it] of has) if (it.file === file && key.startsWith(`${name} `)) has.delete(key);
      },
    })
  );
  const balancers: ReadonlyMap<string, LoadBalancer> = new Map((options.adapters ?? fakes).map((it) => [it.name, it]));
  const told = { emit: (event: Event): void => void events.push(event) };
  const { limits } = options;
  const parts: FlowParts = {
    authority: limits === undefined
      ? authority
      : limitedAuthority(authority, { limits, records, clock, events: told, registeredDomain }),
    vault,
    records,
    solvers: new Map([
      http01Solver({ answers: publishedAnswers(ledger), balancers, clock }),
      dns01ByHandSolver({ dns: { txt: (name, call) => fakeDns(options.dns ?? {}).txt(name, call) } }),
      ...options.solvers?.(balancers) ?? [],
    ].map((solver) => [solver.type, solver])),
    balancers,
    clock,
    events: told,
    settings: { keyTypes: ["ec-256"], challenges: ["tls-alpn-01", "http-01"], agreeTos: true, ...options.settings },
  };
  const answers = presentedAnswers(parts);
  await answers.restore(CALL);
  const service = certificates(parts, answers, new AbortController().signal);
  return {
    service,
    parts,
    records,
    authority,
    clock,
    events,
    swaps,
    removals,
    vault: stores.vault,
    restart: (other = {}) => {
      const { ledger: _ledger, vault: _vault, ...rest } = options;
      return assemble({ ...rest, ...other }, clock, stores, authority);
    },
  };
}
