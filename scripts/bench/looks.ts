/**
 * Row `looks`: what the keeper's look costs by the number of certificates where nothing is due: the plan alone, and all of it
 * over memory stores.
 *
 * @module
 */
import { presentedAnswers } from "../../src/flow/answers.ts";
import { keeper } from "../../src/flow/keeper.ts";
import type { FlowParts } from "../../src/flow/parts.ts";
import { plan, type Situation } from "../../src/model/plan.ts";
import { CALL } from "../../test/support/fakes.ts";
import { fleetMember, settleFleet } from "../../test/support/fleet.ts";
import { harness } from "../../test/support/flow_harness.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import { collectGarbage } from "./measure.ts";
import { atMost, type Figure, figures, short, type Table } from "./report.ts";

/** `looks` */
export const looksRow: BenchRow = { title: "The keeper's look at many certificates, nothing due", measure };

/**
 * Ten times as many may cost so many times as much. What the processor's caches do not hold any more costs more than that: see
 * what it takes only to read the same records.
 */
const PER_TEN = 13;
/** For the greatest number, about a second. */
const MOST_MS = 1_300;

/** Milliseconds for one number of certificates. */
interface Cost {
  readonly size: number;
  /** Only the dates that the plan reads, without a decision. */
  readonly read: number;
  readonly plan: number;
  /** The first look reads everything; later ones what is new. */
  readonly first: number;
  readonly look: number;
}

async function measure({ quick, say }: BenchOptions): Promise<readonly Table[]> {
  const sizes = quick ? [100, 1_000, 10_000] : [1_000, 10_000, 100_000];
  const costs: Cost[] = [];
  for (const size of sizes) {
    say(`${size} certificates`);
    costs.push(await costOf(size, quick ? 10 : 15));
  }
  const steps = costs.slice(1).flatMap((it, i): readonly Figure[] => [
    { what: `reading alone, ${it.size} to ${costs[i]!.size}`, measured: short(it.read / costs[i]!.read) },
    ratio(`plan, ${it.size} to ${costs[i]!.size}`, it.plan / costs[i]!.plan),
    ratio(`look, ${it.size} to ${costs[i]!.size}`, it.look / costs[i]!.look),
  ]);
  const most = costs.at(-1)!;
  const goal = quick ? {} : { goal: atMost(most.look, MOST_MS, `about a second (${MOST_MS} ms)`) };
  return [
    {
      note:
        "The quickest of some rounds. A look reads ledger and vault in memory, plans, and looks whether the CA is to be asked.",
      columns: ["certificates", "reading alone, ms", "plan, ms", "first look, ms", "further looks, ms"],
      rows: costs.map((it) => [String(it.size), ...[it.read, it.plan, it.first, it.look].map(short)]),
    },
    figures([...steps, { what: `look at ${most.size}, ms`, measured: short(most.look), ...goal }]),
  ];
}

function ratio(what: string, value: number): Figure {
  return { what, measured: short(value), goal: atMost(value, PER_TEN) };
}

async function costOf(size: number, rounds: number): Promise<Cost> {
  const { parts, service } = await harness();
  // Both before the stores are large, and garbage is dear.
  const situation = situationOf(parts, size);
  const read = await quickest(() => datesIn(situation), rounds);
  const alone = await quickest(() => plan(situation), rounds);
  await service.openAccount(CALL);
  await settleFleet(parts, size);
  const keep = keeper(parts, service, presentedAnswers(parts), []);
  const look = (): Promise<void> => keep.look(CALL);
  const first = await timed(look);
  return { size, read, plan: alone, first, look: await quickest(look, rounds) };
}

function situationOf({ authority, clock }: FlowParts, size: number): Situation {
  const now = clock.now();
  const members = Array.from({ length: size }, (_, i) => fleetMember(i, authority.directory, now));
  return {
    declared: [],
    held: members.map((it) => it.record),
    provable: () => true,
    attempts: new Map(),
    names: new Map(),
    renewals: new Map(members.map((it) => [it.record.intent.secretName, it.renewal])),
    now,
    caNow: now,
  };
}

/** Some sum, so that nothing of it can be left out. */
function datesIn({ held, renewals }: Situation): number {
  return held.reduce((sum, { facts, intent: { secretName } }) => {
    const draw = renewals.get(secretName)?.draw;
    const dates = [facts.notBefore, facts.notAfter, draw?.at, draw?.window.end];
    return dates.reduce((all, date) => all + (date?.getTime() ?? 0), sum);
  }, 0);
}

/** Of some rounds the one that the machine disturbed least: all that it does beside only adds. */
async function quickest(work: () => unknown, rounds: number): Promise<number> {
  collectGarbage();
  let least = Infinity;
  for (let i = 0; i < rounds; i++) least = Math.min(least, await timed(work));
  return least;
}

async function timed(work: () => unknown): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}
