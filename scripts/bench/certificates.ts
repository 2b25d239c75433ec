/**
 * Rows `one` and `hundred`: a certificate by us, and by the clients that npm and Debian offer, at the same CA in turn.
 *
 * @module
 */
import { type Pebble, startPebble } from "../../test/support/pebble.ts";
import { freePort, tempDir } from "../../test/support/process.ts";
import { acmeClient } from "./acme_client.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import type { Client, ClientKind, Cost, Place } from "./client.ts";
import { startDelayProxy } from "./delay_proxy.ts";
import { lego } from "./lego.ts";
import { inTurns, median } from "./measure.ts";
import { ours } from "./ours.ts";
import { atMost, below, type Figure, figures, type Goal, short, type Table } from "./report.ts";

/** `one` */
export const oneRow: BenchRow = { title: "A certificate for one name", measure: measureOne };

/** `hundred` */
export const hundredRow: BenchRow = { title: "A certificate for 100 names", measure: measureHundred };

/** Each direction: a round trip of 50 ms, as to a CA across an ocean. */
const DELAY_MS = 25;

/** CPU of a resident sidecar for one name. */
const CPU_MS = 10;

/** What 1.0 s is of the 2.40 s that the best peer took, on 400 connections. */
const OF_BEST_PEER = 1.0 / 2.4;

/** As many orders of a hundred names fill the circulation of nonces. */
const ORDERS_UNTIL_WARM = 9;

/** How often a client is measured; those that sleep for seconds are measured less. */
type Rounds = (kind: ClientKind) => number;

/** What one client did at one place. */
interface Measured {
  readonly name: string;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly requests: number;
  /** The first certificate of all, before the medians began. */
  readonly first: Cost;
  readonly rssMb: number | undefined;
}

type Connected = Measured & { readonly connections: number };

async function measureOne(options: BenchOptions): Promise<readonly Table[]> {
  const rounds = options.quick ? 4 : 20;
  await using kinds = await clientKinds(options);
  const slow = (few: number): Rounds => (kind) => isLego(kind) ? Math.min(few, rounds) : rounds;
  const near = await measureNear(kinds.all, 1, slow(20), 2);
  const far = await measureFar(kinds.all, 1, slow(10), () => 1);
  const real = await measureReal(kinds.all, slow(3));
  const us = { near: ourOwn(near), far: ourOwn(far), real: ourOwn(real) };
  const best = { far: bestPeer(far), real: bestPeer(real) };
  return [
    {
      note: `Warm account, no validation, ${rounds} rounds in turn, medians; a run begins with the start of a process.`,
      columns: ["client", "ms", "CPU ms", "requests", "ms at 50 ms RTT", "TLS connections", "ms with real http-01"],
      rows: near.map((it, index) => [
        ...cells(it),
        short(far[index]?.wallMs ?? NaN),
        String(far[index]?.connections),
        short(real[index]?.wallMs ?? NaN),
      ]),
    },
    figures([
      { what: "requests, resident", measured: `${us.near.requests}`, goal: requestGoal(us.near.requests, 7, 2) },
      { what: "TLS connections", measured: `${us.far.connections}`, goal: atMost(us.far.connections, 1, "1") },
      { what: "CPU, resident, ms", measured: short(us.near.cpuMs), goal: atMost(us.near.cpuMs, CPU_MS) },
      { what: "RSS, resident, MB", measured: short(us.near.rssMb ?? NaN) },
      versus("at 50 ms RTT", us.far, best.far),
      versus("real http-01", us.real, best.real),
    ]),
  ];
}

async function measureHundred(options: BenchOptions): Promise<readonly Table[]> {
  const rounds = options.quick ? 2 : 6;
  await using kinds = await clientKinds(options);
  const slow: Rounds = (kind) => isLego(kind) ? 1 : rounds;
  const near = await measureNear(kinds.all, 100, slow, 1);
  const far = await measureFar(kinds.all, 100, slow, (kind) => kind.name === kinds.ours.name ? ORDERS_UNTIL_WARM : 1);
  const us = { near: ourOwn(near), far: ourOwn(far) };
  const peer = bestPeer(far);
  const text = `at most ${OF_BEST_PEER.toFixed(2)} of the best peer's (${peer?.name ?? "none was measured"})`;
  const share = (ms: number): Partial<Pick<Figure, "goal">> =>
    peer === undefined ? {} : { goal: atMost(ms / peer.wallMs, OF_BEST_PEER, text) };
  const told = (ms: number): string =>
    `${short(ms)} ms${peer === undefined ? "" : `, ${(ms / peer.wallMs).toFixed(2)} of it`}`;
  return [
    {
      note: `Warm account, no validation, ${rounds} rounds in turn (lego: one), medians.`,
      columns: ["client", "ms", "CPU ms", "requests", "ms at 50 ms RTT", "TLS connections"],
      rows: near.map((it, index) => [...cells(it), short(far[index]?.wallMs ?? NaN), String(far[index]?.connections)]),
    },
    figures([
      { what: "requests", measured: `${us.near.requests}`, goal: requestGoal(us.near.requests, 210, 4) },
      { what: "TLS connections", measured: `${us.far.connections}`, goal: atMost(us.far.connections, 1, "1") },
      {
        what: `at 50 ms RTT, from order ${ORDERS_UNTIL_WARM + 1} on`,
        measured: told(us.far.wallMs),
        ...share(us.far.wallMs),
      },
      {
        what: "at 50 ms RTT, first order of the process",
        measured: told(us.far.first.wallMs),
        ...share(us.far.first.wallMs),
      },
    ]),
  ];
}

/** All clients that there are; `ours` is the first. */
interface Kinds extends AsyncDisposable {
  readonly ours: ClientKind;
  readonly all: readonly ClientKind[];
}

async function clientKinds({ say }: BenchOptions): Promise<Kinds> {
  const dir = tempDir();
  const own = await ours(dir.path);
  const found = [await acmeClient(dir.path), lego()];
  for (const it of found) if (typeof it === "string") say(it);
  const peers = found.flatMap((it) => typeof it === "string" ? [] : it);
  return { ours: own, all: [own, ...peers], [Symbol.asyncDispose]: () => Promise.resolve(dir[Symbol.dispose]()) };
}

/** At the CA itself, which believes everything. */
async function measureNear(
  kinds: readonly ClientKind[],
  names: number,
  rounds: Rounds,
  warm: number,
): Promise<readonly Measured[]> {
  await using pebble = await startPebble({ alwaysValid: true });
  return await measureAll(kinds, () => place(pebble, freePort()), names, rounds, () => warm, () => pebble);
}

/** The same CA far away, behind a proxy a client: peers' connections are counted a certificate, ours for all of them. */
async function measureFar(
  kinds: readonly ClientKind[],
  names: number,
  rounds: Rounds,
  warm: (kind: ClientKind) => number,
): Promise<readonly Connected[]> {
  await using pebble = await startPebble({ alwaysValid: true });
  await using owned = new AsyncDisposableStack();
  const port = Number(pebble.directory.port);
  const proxies = await Promise.all(kinds.map(async () => owned.use(await startDelayProxy(port, DELAY_MS))));
  const at = (index: number): Place => {
    const directory = new URL(pebble.directory);
    directory.port = `${proxies[index]?.port}`;
    return { ...place(pebble, freePort()), directory };
  };
  const found = await measureAll(kinds, at, names, rounds, warm, () => pebble);
  return found.map((it, index) => {
    const kind = kinds[index] ?? missing();
    const connections = proxies[index]?.connections() ?? NaN;
    return { ...it, connections: index === 0 ? connections : Math.round(connections / (rounds(kind) + warm(kind))) };
  });
}

/** A CA for each client, which looks for its answers at port and path as RFC 8555 §8.3 wants. */
async function measureReal(kinds: readonly ClientKind[], rounds: Rounds): Promise<readonly Measured[]> {
  await using owned = new AsyncDisposableStack();
  const pebbles: Pebble[] = [];
  for (const _ of kinds) pebbles.push(owned.use(await startPebble()));
  const at = (index: number): Pebble => {
    const pebble = pebbles[index];
    if (pebble === undefined) throw new RangeError(`there is no CA ${index}`);
    return pebble;
  };
  return await measureAll(kinds, (index) => place(at(index), at(index).httpPort), 1, rounds, () => 1, at);
}

async function measureAll(
  kinds: readonly ClientKind[],
  placeOf: (index: number) => Place,
  names: number,
  rounds: Rounds,
  warm: (kind: ClientKind) => number,
  caOf: (index: number) => Pebble,
): Promise<readonly Measured[]> {
  await using owned = new AsyncDisposableStack();
  const clients: Client[] = [];
  const first: Cost[] = [];
  for (const [index, kind] of kinds.entries()) {
    const client = owned.use(await kind.open(placeOf(index)));
    clients.push(client);
    first.push(await client.issue(fresh(names)));
    for (let i = 1; i < warm(kind); i++) await client.issue(fresh(names));
  }
  const sides = clients.map((client, index) => ({
    rounds: rounds(kinds[index] ?? missing()),
    measure: async (): Promise<Cost & { readonly requests: number }> => {
      const before = requestsAt(caOf(index));
      const cost = await client.issue(fresh(names));
      return { ...cost, requests: requestsAt(caOf(index)) - before };
    },
  }));
  const found = await inTurns(sides);
  return kinds.map(({ name }, index): Measured => {
    const costs = found[index] ?? [];
    return {
      name,
      wallMs: median(costs.map((it) => it.wallMs)),
      cpuMs: costs.reduce((sum, it) => sum + it.cpuMs, 0) / costs.length, // ticks are too coarse for a median
      requests: median(costs.map((it) => it.requests)),
      first: first[index] ?? missing(),
      rssMb: clients[index]?.rssMb?.(),
    };
  });
}

let issued = 0;

/** Names that nobody has asked for yet. */
function fresh(count: number): readonly string[] {
  const order = issued++;
  return Array.from({ length: count }, (_, i) => `n${i}.o${order}.bench.test`);
}

function place(pebble: Pebble, httpPort: number): Place {
  const { directory, caFile, dns } = pebble;
  return { directory, caFile, dns, httpPort };
}

/** Requests that the CA's log tells of. */
function requestsAt(pebble: Pebble): number {
  return pebble.output().match(/ -> calling handler\(\)/g)?.length ?? 0;
}

function cells({ name, wallMs, cpuMs, requests }: Measured): readonly string[] {
  return [name, short(wallMs), short(cpuMs), String(requests)];
}

function ourOwn<T extends Measured>([first]: readonly T[]): T {
  return first ?? missing();
}

function bestPeer([, ...peers]: readonly Measured[]): Measured | undefined {
  return peers.toSorted((a, b) => a.wallMs - b.wallMs)[0];
}

/** The CA alone decides how often an order that is processed is looked at; `polls` is what is usual without a wait. */
function requestGoal(requests: number, wanted: number, polls: number): Goal {
  return atMost(requests, wanted + polls, `at most ${wanted} + polls (${polls})`);
}

function versus(where: string, own: Measured, peer: Measured | undefined): Figure {
  if (peer === undefined) return { what: `${where}, ms`, measured: short(own.wallMs) };
  return {
    what: where,
    measured: `${short(own.wallMs)} ms, ${(own.wallMs / peer.wallMs).toFixed(2)} of the best peer's`,
    goal: below(own.wallMs, peer.wallMs, `less than ${peer.name}: ${short(peer.wallMs)} ms`),
  };
}

function isLego({ name }: ClientKind): boolean {
  return name.startsWith("lego");
}

function missing(): never {
  throw new RangeError("a client is missing");
}
