/**
 * The sidecar with a clock on which a minute passes in a second: its own waits, backoff above all, are over in time. What
 * the CA and the balancer take is not changed by it.
 *
 * @module
 */
import type { Clock } from "../../mod.ts";
import { systemClock } from "../../plugin/clock.ts";
import { main } from "../../plugin/main.ts";

const SPEED = 60;

/** A clock on which a minute passes in a second since `start`; processes that shall agree on the time share that. */
export function hastySince(start: number): Clock {
  return {
    now: () => new Date(start + (Date.now() - start) * SPEED),
    random: () => systemClock.random(),
    sleep: (ms, call) => systemClock.sleep(ms / SPEED, call),
  };
}

/** A minute passes in a second. */
export const hastyClock: Clock = hastySince(Date.now());

if (import.meta.main) Deno.exit(await main({ clock: hastyClock }));
