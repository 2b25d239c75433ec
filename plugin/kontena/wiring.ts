import type { SniAnswering, Wiring, WiringPart } from "../../src/ports.ts";
import type { Tools } from "./tools.ts";

/** How a Kontena Load Balancer is wired. */
export function kontenaWiring(tools: Tools, _sni: SniAnswering): Wiring {
  return {
    lines: () => Promise.resolve(`# ${tools.config.name}\n`),
    check: (): Promise<readonly WiringPart[]> => Promise.resolve([]),
  };
}
