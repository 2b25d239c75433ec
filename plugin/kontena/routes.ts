import { describe } from "../../src/model/errors.ts";
import type { DnsName } from "../../src/model/dns_name.ts";
import type { Call, HttpRouting } from "../../src/ports.ts";
import { inTurn } from "../net/in_turn.ts";
import { CHALLENGE_PATH, routeService } from "./layout.ts";
import { misconfigured, type Tools, turnOf } from "./tools.ts";

/**
 * Routes http-01 requests to the sidecar by a service of ours in etcd, for just the names that are pending: the balancer
 * prefers a route with host and path to every other one. It goes when the last name does.
 */
export function httpRouting(tools: Tools): HttpRouting {
  const { etcd, config } = tools;
  const service = routeService(config.service);
  const turn = `${turnOf(tools)} routes`;
  return {
    settleMs: tools.patienceMs,
    todo:
      "check that answer= is where the balancer reaches CHALLENGE_HTTP_LISTEN, that no service of its own has a path for " +
      "the name and sorts first, and that its environment has no ACME_CHALLENGE_*, whose rule comes before all others",
    async open(name, call): Promise<void> {
      const upstream = await addressOf(tools);
      await inTurn(turn, call, async () => {
        const names = new Set(await routed(call));
        // As long as there is no host, it is no route: a host without the path would be one for the whole site.
        await etcd.put(`${service}/upstreams/sidecar`, upstream, call);
        await etcd.put(`${service}/keep_virtual_path`, "true", call);
        await etcd.put(`${service}/virtual_path`, CHALLENGE_PATH, call);
        await etcd.put(`${service}/virtual_hosts`, [...names.add(name)].sort().join(","), call);
      });
    },
    async close(name, call): Promise<void> {
      await inTurn(turn, call, async () => {
        const names = new Set(await routed(call));
        if (!names.delete(name) && names.size > 0) return;
        if (names.size === 0) await etcd.remove(service, call);
        else await etcd.put(`${service}/virtual_hosts`, [...names].sort().join(","), call);
      });
    },
  };

  async function routed(call: Call): Promise<readonly DnsName[]> {
    const hosts = await etcd.get(`${service}/virtual_hosts`, call) ?? "";
    return hosts.split(",").filter((host) => host !== "") as DnsName[];
  }
}

/** HAProxy refuses its whole configuration where it cannot look a name up: so it gets an address. */
async function addressOf(tools: Tools): Promise<string> {
  const { hostname, port } = tools.config.answer;
  const { lookup } = await import("node:dns/promises");
  try {
    const { address, family } = await lookup(hostname, { verbatim: true });
    return family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
  } catch (error) {
    throw misconfigured(
      tools,
      `answer= names ${hostname}, which cannot be looked up: ${describe(error)}`,
      "write the sidecar's IP address as the balancer reaches it",
    );
  }
}
