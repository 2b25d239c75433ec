/**
 * Row `rates`: a fleet from cold and a month of chaos at a CA with Let's Encrypt's limits, in virtual time.
 *
 * @module
 */
import { chaos, coldFleet } from "../../test/support/rate_simulation.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import { atMost, type Figure, figures, short, type Table } from "./report.ts";

/** `rates` */
export const ratesRow: BenchRow = { title: "The CA's limits: a fleet from cold, a month of chaos", measure };

async function measure({ quick, say }: BenchOptions): Promise<readonly Table[]> {
  const size = quick ? 1_000 : 5_000;
  const begin = performance.now();
  const fleet = await coldFleet({ size, domains: size });
  const tookMs = performance.now() - begin;
  const over = 100 * (fleet.lastMs / fleet.idealMs - 1);
  const seeds = Array.from({ length: quick ? 1 : 10 }, (_, i) => `bench ${i}`);
  let [limited, again, early, restarts, requests] = [0, 0, 0, 0, 0];
  for (const seed of seeds) {
    say(`chaos, ${seed}`);
    const alone = await chaos({ seed, days: 30, strangers: false });
    const shared = await chaos({ seed, days: 30, strangers: true });
    limited += [...alone.limited.values()].reduce((sum, count) => sum + count, 0);
    again += shared.limitedAgain.length;
    early += alone.tooEarly.length + shared.tooEarly.length;
    restarts += alone.restarts + shared.restarts;
    requests += alone.requests + shared.requests;
  }
  const none = (what: string, count: number): Figure => ({
    what,
    measured: String(count),
    goal: atMost(count, 0, "0"),
  });
  return [figures([
    { what: `${size} certificates from cold, h`, measured: short(fleet.lastMs / 3_600_000) },
    { what: "more than the limits allow at best, %", measured: short(over), goal: atMost(over, 5) },
    none("answers 429 in the cold start", fleet.limited.size),
    none("answers 429 in the chaos, nobody else on the account", limited),
    none("answers 429 after the first of their scope, others on the account", again),
    none("requests before a Retry-After", early),
    { what: "requests, restarts", measured: `${requests}, ${restarts}` },
    { what: "real time of the cold start, s", measured: short(tookMs / 1_000) },
  ], `${2 * seeds.length} times 30 days; the CA's limits are modelled apart from ours, its answers take up to 8 s.`)];
}
