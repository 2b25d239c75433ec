/**
 * A process that the system kills right before or right after its n-th step: no handler runs, no file is closed, no answer is
 * sent. `CRASH_AT` is n, `CRASH` says `before` or `after`; with `CRASH_DELAY_MS` it goes on for so long after the step, so that
 * death comes between two of them. `stop` is no death: SIGTERM comes before the step, and all goes on. Each step is printed.
 *
 * @module
 */

const at = Number(Deno.env.get("CRASH_AT"));
const moment = Deno.env.get("CRASH");
const delayMs = Number(Deno.env.get("CRASH_DELAY_MS") ?? 0);
let count = 0;

/**
 * Carries out one step, or dies.
 *
 * @param kind What is counted, for example `write`.
 */
export async function step<T>(kind: string, what: string, work: () => Promise<T>): Promise<T> {
  const mine = ++count;
  console.error(`${kind} ${mine}: ${what}`);
  if (mine === at && moment === "before") return await die();
  if (mine === at && moment === "stop") Deno.kill(Deno.pid, "SIGTERM");
  const result = await work();
  if (mine === at && moment === "after" && delayMs > 0) setTimeout(die, delayMs);
  else if (mine === at && moment === "after") return await die();
  return result;
}

function die(): Promise<never> {
  Deno.kill(Deno.pid, "SIGKILL");
  return new Promise(() => {}); // not one step more, until the signal has come
}
