/**
 * Clients at the same CA, in turn: near, far away, and looking for real answers.
 *
 * @module
 */
import { type Pebble, startPebble } from "../../test/support/pebble.ts";
import { freePort } from "../../test/support/process.ts";
import type { Client, ClientKind, Cost, Place } from "./client.ts";
import { startDelayProxy } from "./delay_proxy.ts";
import { inTurns, median } from "./measure.ts";

/** Each direction: a round trip of 50 ms, as to a CA across an ocean. */
const DELAY_MS = 25;

/** How often a client gets a certificate; those that sleep for seconds get less. */
export type Rounds = (kind: ClientKind) => number;

/** What one client did at one place. */
export interface Measured {
  readonly name: string;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly requests: number;
  /** The first certificate of all, before the medians began. */
  readonly first: Cost;
  readonly rssMb: number | undefined;
}

/** With the connections that went through its proxy. */
export type Connected = Measured & { readonly connections: number };

/** At the CA itself, which believes everything. */
export async function measureNear(
  kinds: readonly ClientKind[],
  names: number,
  rounds: Rounds,
  warm: Rounds,
): Promise<readonly Measured[]> {
  await using pebble = await startPebble({ alwaysValid: true });
  return await measureAll(kinds, () => place(pebble, freePort()), names, rounds, warm, () => pebble);
}

/** The same CA far away, behind a proxy for each client. Connections of peers are those of one certificate, ours those of all. */
export async function measureFar(
  kinds: readonly ClientKind[],
  names: number,
  rounds: Rounds,
  warm: Rounds,
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
export async function measureReal(kinds: readonly ClientKind[], rounds: Rounds): Promise<readonly Measured[]> {
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
  warm: Rounds,
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

function missing(): never {
  throw new RangeError("a client is missing");
}
