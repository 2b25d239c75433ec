import { tryParts } from "../../mod.ts";
import type { SniAnswering, Wiring } from "../../src/ports.ts";
import { haproxyLines } from "./lines.ts";
import type { Tools } from "./tools.ts";
import { haproxyTrials } from "./trials.ts";

/** How an HAProxy is wired. */
export function haproxyWiring(tools: Tools, sni: SniAnswering): Wiring {
  return {
    lines: (call) => haproxyLines(tools, call),
    check: (call) => tryParts(tools.config.name, haproxyTrials(tools, sni), call),
  };
}
