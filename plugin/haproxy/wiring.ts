import type { Call, Wiring, WiringPart } from "../../src/ports.ts";
import { describe } from "../../src/model/errors.ts";
import { checkPlaces } from "./locate.ts";
import type { Tools } from "./tools.ts";

/** How an HAProxy is wired. */
export function haproxyWiring(tools: Tools): Wiring {
  return {
    lines: (_call: Call) => Promise.resolve(`# ${tools.config.name}\n`),
    async check(call: Call): Promise<readonly WiringPart[]> {
      try {
        await checkPlaces(tools, call);
        return [{ part: "certificates", state: "ok", found: "they are where HAProxy loads them" }];
      } catch (error) {
        call.signal.throwIfAborted();
        return [{ part: "certificates", state: "missing", found: describe(error) }];
      }
    },
  };
}
