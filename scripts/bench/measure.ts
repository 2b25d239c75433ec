/**
 * How to measure on a machine that does other things too: sides of a ratio take turns, and the median counts.
 *
 * @module
 */

/** The clock ticks of /proc/PID/stat (proc(5)): 100 a second on Linux. */
const TICK_MS = 10;

/** The middle of some numbers; NaN where there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? NaN;
  return sorted.length % 2 === 1
    ? at((sorted.length - 1) / 2)
    : (at(sorted.length / 2 - 1) + at(sorted.length / 2)) / 2;
}

/** The number below which that share of them is; NaN where there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** What is measured in turn with others, and how often. */
export interface Side<T> {
  readonly rounds: number;
  measure(round: number): Promise<T>;
}

/** Measures all sides in turn, round after round, and returns what each of them gave. */
export async function inTurns<T>(sides: readonly Side<T>[]): Promise<readonly (readonly T[])[]> {
  const found = sides.map((): T[] => []);
  const most = Math.max(...sides.map((side) => side.rounds));
  for (let round = 0; round < most; round++) {
    for (const [index, side] of sides.entries()) {
      if (round < side.rounds) found[index]?.push(await side.measure(round));
    }
  }
  return found;
}

/** How often something can be done a second, all by itself, measured for about `ms`. */
export async function perSecond(work: () => Promise<unknown>, ms: number): Promise<number> {
  const begin = performance.now();
  let count = 0;
  for (; performance.now() - begin < ms; count++) await work();
  return count * 1_000 / (performance.now() - begin);
}

/** The CPU time that a process has used so far, with a resolution of 10 ms: good for the sum of many runs. */
export function cpuMs(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // from the third on
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** The memory of a process that is in RAM, in MB (VmRSS). */
export function rssMb(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
  return Number(kb) / 1_024;
}

/** Collects garbage where V8 was told to offer it (`--v8-flags=--expose-gc`), and says whether it could. */
export function collectGarbage(): boolean {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  return gc !== undefined;
}

/** So often is garbage collected until nothing is left, and so long the loop turns between. */
const COLLECTIONS = 5;
const TURNS_MS = 50;

/**
 * Collects also what is only garbage once the event loop has turned: what a WeakRef was read of in a turn stays until its end
 * (ECMA-262 §9.10.4, KeepDuringJob), and what is done once an object is gone is a task of its own. Says whether it could.
 */
export async function collectAllGarbage(): Promise<boolean> {
  for (let i = 1; i < COLLECTIONS; i++) {
    if (!collectGarbage()) return false;
    await pause(TURNS_MS);
  }
  return collectGarbage();
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
