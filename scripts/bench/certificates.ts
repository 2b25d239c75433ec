/**
 * Rows `one` and `hundred`: a certificate by us, and by the clients that npm and Debian offer, at the same CA in turn.
 *
 * @module
 */
import { tempDir } from "../../test/support/process.ts";
import { acmeClient } from "./acme_client.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import type { ClientKind } from "./client.ts";
import { type Measured, measureFar, measureNear, measureReal, type Rounds } from "./compare.ts";
import { lego } from "./lego.ts";
import { ours } from "./ours.ts";
import { atMost, below, type Figure, figures, type Goal, short, type Table } from "./report.ts";

/** `one` */
export const oneRow: BenchRow = { title: "A certificate for one name", measure: measureOne };

/** `hundred` */
export const hundredRow: BenchRow = { title: "A certificate for 100 names", measure: measureHundred };

/** CPU of a resident sidecar for one name. */
const CPU_MS = 10;

/** What 1.0 s is of the 2.40 s that the best peer took, on 400 connections. */
const OF_BEST_PEER = 1.0 / 2.4;

/** As many orders of a hundred names fill the circulation of nonces. */
const ORDERS_UNTIL_WARM = 9;

async function measureOne(options: BenchOptions): Promise<readonly Table[]> {
  const rounds = options.quick ? 4 : 20;
  await using kinds = await clientKinds(options);
  const near = await measureNear(kinds.all, 1, () => rounds, warm(kinds));
  const far = await measureFar(kinds.all, 1, () => rounds, warm(kinds));
  const seldom = Math.min(3, rounds); // two of the peers sleep for five seconds
  const real = await measureReal(kinds.all, (kind) => kind.name === kinds.ours.name ? rounds : seldom);
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
  const near = await measureNear(kinds.all, 100, slow, () => 1);
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

/** What stays is measured when its code has been compiled. */
function warm(kinds: Kinds): Rounds {
  return (kind) => kind.name === kinds.ours.name ? 10 : 1;
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

function cells({ name, wallMs, cpuMs, requests }: Measured): readonly string[] {
  return [name, short(wallMs), short(cpuMs), String(requests)];
}

function ourOwn<T extends Measured>([first]: readonly T[]): T {
  if (first === undefined) throw new RangeError("nothing was measured");
  return first;
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
