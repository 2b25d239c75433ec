import { assert, assertEquals } from "@std/assert";
import { seeded } from "../ca/random.ts";
import { killAtWrites, type KillPlan } from "../support/kill_run.ts";
import { has } from "../support/process.ts";

const SEED = "stops-1";
/** From one stop to the next, in writes: a few of each issuance are played. */
const EVERY = 4;

for (const challenge of ["tls-alpn-01", "http-01"] as const) {
  Deno.test({
    name:
      `F-114: SIGTERM at any write (${challenge}, seed ${SEED}) ends in order, leaves no answer, and the next start goes on [needs haproxy]`,
    ignore: !has("haproxy"),
    async fn(): Promise<void> {
      const first = 1 + Math.floor(seeded(SEED).stream(challenge).next() * EVERY);
      const plan: KillPlan = { ca: "test authority", moment: "stop", challenge, first, every: EVERY };
      const rows = await killAtWrites(plan);
      assert(rows.length >= 4, `there were no more than ${rows.length} stops`);
      for (const { step, damage } of rows) assertEquals([...damage], [], `after a stop at ${step}`);
    },
  });
}
