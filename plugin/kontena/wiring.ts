import { tryParts } from "../../mod.ts";
import type { Wiring } from "../../src/ports.ts";
import { kontenaLines } from "./lines.ts";
import type { Tools } from "./tools.ts";
import { kontenaTrials, type TrialParts } from "./trials.ts";

/** How a Kontena Load Balancer is wired. */
export function kontenaWiring(tools: Tools, parts: TrialParts): Wiring {
  return {
    lines: () => Promise.resolve(kontenaLines(tools.config, tools.answers)),
    check: (call) => tryParts(tools.config.name, kontenaTrials(tools, parts), call),
  };
}
