import { systemClock } from "../../plugin/clock.ts";
import { given } from "../../src/model/shape.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";
import { type HaproxyOptions, startHaproxy } from "../support/haproxy.ts";
import { ROOT_KEY, startKontenaKit } from "../support/kontena_kit.ts";
import { loadBalancerContract, type Stand } from "./load_balancer_contract.ts";

for (const mode of ["directory", "crt-list"] as const) {
  loadBalancerContract(`haproxyBalancer() with a ${mode}`, ["haproxy"], () => haproxyStand({ mode }));
}
loadBalancerContract("kontenaBalancer()", ["haproxy", "etcd"], () => kontenaStand(false));
loadBalancerContract("kontenaBalancer() with a runtime socket", ["haproxy", "etcd"], () => kontenaStand(true));

async function haproxyStand(options: HaproxyOptions): Promise<Stand> {
  const haproxy = await startHaproxy(options);
  const events = { emit: (): void => {} };
  return {
    balancer: haproxyBalancer(parseHaproxy("lb", haproxy.url()), { clock: systemClock, events }),
    certs: haproxy.certs,
    async restart(): Promise<void> {
      await haproxy.kill();
      await haproxy.restart();
    },
    [Symbol.asyncDispose]: () => haproxy[Symbol.asyncDispose](),
  };
}

async function kontenaStand(socket: boolean): Promise<Stand> {
  const kit = await startKontenaKit({ socket });
  return {
    balancer: kit.balancer,
    certs: kit.certs,
    ...given("restart", socket ? () => kit.etcd.put(`${ROOT_KEY}/services/x/custom_settings`, "# again") : undefined),
    [Symbol.asyncDispose]: () => kit[Symbol.asyncDispose](),
  };
}
