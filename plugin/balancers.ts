import { describe } from "../src/model/errors.ts";
import type { Clock, Events } from "../src/ports.ts";
import type { Permissions } from "./certs/balancer_url.ts";
import { preparePlaces } from "./certs/placeholder.ts";
import { type HaproxyConfig, haproxyPermissions, parseHaproxy } from "./haproxy/url.ts";
import { type KontenaConfig, kontenaPermissions, parseKontena } from "./kontena/url.ts";

/** One balancer, as its URL in `LOAD_BALANCERS` describes it. */
export type BalancerConfig = HaproxyConfig | KontenaConfig;

/**
 * Reads a balancer's URL; its scheme tells the kind.
 *
 * @param name Its name in `LOAD_BALANCERS`.
 * @throws {InputError} If something in it is missing, unknown or wrong.
 */
export function parseBalancer(name: string, url: string): BalancerConfig {
  return url.startsWith("kontena+") ? parseKontena(name, url) : parseHaproxy(name, url);
}

/** Lists what Deno has to be allowed for it. */
export function balancerPermissions(config: BalancerConfig): Permissions {
  return config.kind === "kontena" ? kontenaPermissions(config) : haproxyPermissions(config);
}

/** Puts in place what the balancers need to start; what cannot be done yet is told, and done when their state is asked. */
export async function prepareBalancers(
  balancers: readonly BalancerConfig[],
  parts: { readonly clock: Clock; readonly events: Events },
): Promise<void> {
  for (const config of balancers) {
    try {
      await preparePlaces(config, parts);
    } catch (error) {
      const text = describe(error);
      parts.events.emit({ level: "warn", name: "balancer.unprepared", text, fields: { balancer: config.name } });
    }
  }
}
