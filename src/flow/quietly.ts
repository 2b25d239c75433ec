import { codeOf, describe } from "../model/errors.ts";
import type { Call } from "../ports.ts";
import type { FlowParts } from "./parts.ts";

/** A failure of one round is told and forgotten: the next round finds the same work. */
export async function quietly(
  { events }: Pick<FlowParts, "events">,
  name: string,
  work: () => Promise<unknown>,
  call: Call,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (call.signal.aborted) return;
    events.emit({ level: "error", name, text: describe(error), fields: { code: codeOf(error) } });
  }
}
