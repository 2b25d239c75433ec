import type { Call } from "../ports.ts";
import { closedText, closureOf, REOPEN } from "./closure.ts";
import type { FlowParts } from "./parts.ts";

/** Tells again and again that the account is closed: nothing is renewed until a person acts. */
export interface AccountWatch {
  /** Looks, and tells it at first and then once an hour. Returns whether it is closed. */
  look(call: Call): Promise<boolean>;
}

const HOUR_MS = 3_600_000;

/** Makes an {@linkcode AccountWatch}. */
export function accountWatch(parts: FlowParts): AccountWatch {
  let quietUntil = new Date(0);
  return {
    async look(call: Call): Promise<boolean> {
      const closure = await closureOf(parts, call);
      const now = parts.clock.now();
      if (closure === undefined || quietUntil > now) return closure !== undefined;
      quietUntil = new Date(now.getTime() + HOUR_MS);
      parts.events.emit({
        level: "error",
        name: "account.closed",
        text: `${closedText(closure)}; no certificate is renewed (${REOPEN})`,
        fields: { by: closure.by, code: "ACCOUNT_DEACTIVATED" },
      });
      return true;
    },
  };
}
