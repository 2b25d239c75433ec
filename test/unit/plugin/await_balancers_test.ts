import { assertEquals } from "@std/assert";
import { awaitBalancers } from "../../../plugin/await_balancers.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import type { BalancerState, LoadBalancer } from "../../../src/ports.ts";
import { fakeClock } from "../../support/fake_clock.ts";
import { CALL, fakeBalancer } from "../../support/fakes.ts";

/** A balancer that answers from its look number `from` on. */
function answeringFrom(from: number): LoadBalancer & { readonly looks: number } {
  let looks = 0;
  const state = (): Promise<BalancerState> =>
    ++looks < from ? Promise.reject(new SidecarError("BALANCER_UNREACHABLE", "nobody")) : Promise.resolve({});
  return {
    ...fakeBalancer({ state }),
    get looks(): number {
      return looks;
    },
  };
}

Deno.test("awaitBalancers() waits for the slowest, and asks none again that has answered", async () => {
  const [quick, slow] = [answeringFrom(1), answeringFrom(9)];
  const clock = fakeClock();
  const began = clock.now().getTime();
  await clock.run(awaitBalancers([quick, slow], clock, CALL));
  assertEquals([quick.looks, slow.looks, clock.now().getTime() - began], [1, 9, 2_000]);
});

Deno.test("awaitBalancers() goes on without one that does not come", async () => {
  const clock = fakeClock();
  const began = clock.now().getTime();
  await clock.run(awaitBalancers([answeringFrom(Infinity)], clock, CALL));
  assertEquals(clock.now().getTime() - began, 20_000);
});

Deno.test("awaitBalancers() does not wait where waiting mends nothing", async () => {
  const clock = fakeClock();
  const state = (): Promise<BalancerState> => Promise.reject(new SidecarError("BALANCER_CONFIG", "no such folder"));
  await awaitBalancers([fakeBalancer({ state })], clock, CALL);
  assertEquals(clock.sleeping, 0);
});

Deno.test("awaitBalancers() ends when the sidecar does", async () => {
  const balancer = answeringFrom(Infinity);
  await awaitBalancers([balancer], fakeClock(), { signal: AbortSignal.abort() });
  assertEquals(balancer.looks, 0);
});
