import { assert, assertEquals } from "@std/assert";
import { simulateRenewals, type SimulationOptions } from "../../support/renewal_simulation.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const OPTIONS: Omit<SimulationOptions, "seed"> = {
  certificates: 1_000,
  days: 730,
  lifetimesMs: [90 * DAY, 45 * DAY, 45 * DAY, 90 * DAY, 45 * DAY, 160 * HOUR],
  askAfterMs: DAY,
};

for (const seed of [1, 2]) {
  Deno.test(`two years of a thousand certificates (seed ${seed}): renewed in the window of the CA, none forgotten, none twice, all recalls at once`, () => {
    const figures = simulateRenewals({ ...OPTIONS, seed });
    const { renewals, inside, impossible, unforeseen, recalled, slowestRecallMs, neglected, doubled, hasty } = figures;
    const told = JSON.stringify(figures);
    const possible = renewals - impossible - recalled;
    assert(renewals > 50_000, told);
    assert(inside / possible >= 0.999, told);
    assert(inside / (possible - unforeseen) >= 0.9999, told);
    assertEquals({ neglected, doubled, hasty, recalled }, { neglected: 0, doubled: 0, hasty: 0, recalled: 50 }, told);
    assert(slowestRecallMs < 60_000, told);
  });
}

Deno.test("simulateRenewals() gives the same figures for the same seed, and others for another", () => {
  const few = { ...OPTIONS, seed: 3, certificates: 12, days: 200 };
  assertEquals(simulateRenewals(few), simulateRenewals(few));
  assert(JSON.stringify(simulateRenewals(few)) !== JSON.stringify(simulateRenewals({ ...few, seed: 4 })));
});
