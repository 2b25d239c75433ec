import { assert, assertEquals } from "@std/assert";
import { chaos, coldFleet } from "../../support/rate_simulation.ts";

Deno.test("30 days of chaos with the limits known: no answer 429 at all, no request before a Retry-After", async () => {
  const outcome = await chaos({ seed: "1", days: 30, strangers: false });
  assertEquals([...outcome.limited], []);
  assertEquals(outcome.tooEarly, []);
  assert(outcome.restarts > 50 && outcome.busy > 0, "the chaos is none");
  assert(outcome.certificates > 1_400 && outcome.refusedHere > 300, "nothing is held back");
});

Deno.test("30 days of chaos with strangers on our account: one answer 429 a scope, then never again", async () => {
  const outcome = await chaos({ seed: "3", days: 30, strangers: true });
  assertEquals(outcome.limitedAgain, []);
  assertEquals(outcome.tooEarly, []);
  assertEquals([...outcome.limited], [
    ["newOrder orders ", 1],
    ["newOrder domain d1.example", 1],
    ["newOrder domain d2.example", 1],
  ]);
});

Deno.test("chaos with the limits unknown meets them, its Retry-After binds, and those who wait ask in turn", async () => {
  const outcome = await chaos({ seed: "1", days: 10, strangers: false, limits: [] });
  const count = [...outcome.limited.values()].reduce((sum, count) => sum + count, 0);
  assert(outcome.limited.size >= 3, "the CA of this simulation has no limits");
  assert(count < 500, `${count} answers 429: those who wait do not take turns`);
  assertEquals(outcome.tooEarly, []);
});

Deno.test("F-125: 5,000 certificates from cold are all there within 5 % of what the limits allow, without one answer 429", async () => {
  const outcome = await coldFleet({ size: 5_000, domains: 5_000 });
  assertEquals([outcome.certificates, [...outcome.limited]], [5_000, []]);
  assert(outcome.lastMs <= 1.05 * outcome.idealMs, `${outcome.lastMs / outcome.idealMs}`);
});

Deno.test("300 certificates of two domains from cold are all there within 5 % of what the limits allow", async () => {
  const outcome = await coldFleet({ size: 300, domains: 2 });
  assertEquals([outcome.certificates, [...outcome.limited]], [300, []]);
  assert(outcome.lastMs <= 1.05 * outcome.idealMs, `${outcome.lastMs / outcome.idealMs}`);
});
