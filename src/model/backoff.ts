/**
 * Waits as data: a test reads the list, a loop sleeps it. All in milliseconds.
 *
 * @module
 */

/** Between two looks at an order without `Retry-After`: 0.1, 0.4, 1 s, then growing by half to a minute: 20 in ten minutes. */
export function* pollWaits(): Generator<number, never> {
  yield 100;
  yield 400;
  for (let wait = 1_000;; wait = Math.min(wait * 1.5, 60_000)) yield wait;
}

/** How long one request may go on being refused with badNonce: 250 tries, the first 20 at once. Outlasts nine refusals of ten. */
export function* nonceWaits(): Generator<number, void> {
  for (let i = 0; i < 20; i++) yield 0;
  for (let i = 20; i < 250; i++) yield 100;
}

/** Between attempts at one certificate: 1, 5, 10, 30 min, 1, 2, 4, 6 h, then each 6 h; the caller adds jitter. */
export function* attemptWaits(): Generator<number, never> {
  const minute = 60_000;
  yield* [minute, 5 * minute, 10 * minute, 30 * minute, 60 * minute, 120 * minute, 240 * minute];
  while (true) yield 360 * minute;
}

/** The wait before attempt number `failures + 1`, spread by up to ±10 % so that fleets do not march in step. */
export function attemptWait(failures: number, random: number): number {
  const waits = attemptWaits();
  let wait = 0;
  for (let i = 0; i < Math.max(1, Math.min(failures, 20)); i++) wait = waits.next().value;
  return Math.round(wait * (0.9 + 0.2 * random));
}

/** While the CA is away, this often somebody looks whether it is back. */
export const KNOCK_MS = 8 * 60_000;

/**
 * After a refusal without `Retry-After`, number `refusals` in a row: 1 min, doubled each time, at most a day; a CA that is only
 * busy (503) may be back at any time.
 */
export function refusalWait(refusals: number, busy = false): number {
  const most = busy ? KNOCK_MS : 86_400_000;
  return Math.min(60_000 * 2 ** Math.min(Math.max(refusals, 1) - 1, 20), most);
}
