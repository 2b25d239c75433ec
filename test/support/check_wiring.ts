/**
 * Checks the wiring of the HAProxy whose URL is the first argument and prints the parts as JSON. A second one is the user and
 * group as which it is done; what is imported was read before, so that the sources need not be theirs.
 *
 * @module
 */
import process from "node:process";
import { systemClock } from "../../plugin/clock.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";

if (import.meta.main) {
  const [url = "", id] = Deno.args;
  if (id !== undefined) {
    process.setgroups?.([]);
    process.setgid?.(Number(id));
    process.setuid?.(Number(id));
  }
  const balancer = haproxyBalancer(parseHaproxy("lb", url), { clock: systemClock, events: { emit(): void {} } });
  console.log(JSON.stringify(await balancer.wiring.check({ signal: AbortSignal.timeout(30_000) })));
}
