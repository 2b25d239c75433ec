import { type Call, type Clock, type LoadBalancer, SidecarError } from "../mod.ts";

/** Longer than Docker takes from a first health check that passes to the container that waited for it. */
const PATIENCE_MS = 20_000;

/** Between two looks at a balancer. */
const LOOK_MS = 250;

/**
 * Waits until every balancer answers, but not for ever: in containers the balancer starts only when the sidecar is there, and
 * an attempt at a certificate before that would fail and have the next one wait for its backoff.
 */
export async function awaitBalancers(balancers: Iterable<LoadBalancer>, clock: Clock, call: Call): Promise<void> {
  const end = clock.now().getTime() + PATIENCE_MS;
  await Promise.all(
    Array.from(balancers, async (balancer) => {
      while (!call.signal.aborted && await isAway(balancer, call) && clock.now().getTime() < end) {
        await clock.sleep(LOOK_MS, call).catch(() => {}); // aborted: the loop ends
      }
    }),
  );
}

async function isAway(balancer: LoadBalancer, call: Call): Promise<boolean> {
  try {
    await balancer.state(call);
    return false;
  } catch (error) {
    return error instanceof SidecarError && error.code === "BALANCER_UNREACHABLE";
  }
}
