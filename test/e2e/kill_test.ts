import { assert, assertEquals } from "@std/assert";
import { killAtWrites, type KillPlan } from "../support/kill_run.ts";
import { e2e } from "../support/stage.ts";

/** At every write, once before and once after it; `deno task soak` does both for each challenge. */
const PLANS: readonly KillPlan[] = [
  { ca: "pebble", moment: "before", challenge: "tls-alpn-01" },
  { ca: "pebble", moment: "after", challenge: "http-01" },
];

/** Side by side, as they mostly wait: one takes the odd writes of a plan, one the even. */
const LANES = PLANS.flatMap((plan) => [1, 2].map((first): KillPlan => ({ ...plan, first, every: 2 })));

e2e("kill -9 at every write of an issuance: the restart finishes the same order with the same key", async () => {
  const lanes = await Promise.all(LANES.map(async (plan) => ({ plan, rows: await killAtWrites(plan) })));

  for (const { plan, rows } of lanes) {
    assert(rows.length > 7, `there were no more than ${rows.length} deaths`);
    for (const { step, damage } of rows) {
      assertEquals([...damage], [], `after a death ${plan.moment} ${step} (${plan.challenge})`);
    }
  }
});
