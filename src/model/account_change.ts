import type { AccountChange } from "./records.ts";

/** What is known of the two keys of a rollover that was announced. */
export interface RolloverFacts {
  /** Thumbprint of the vault's account key. */
  readonly current?: string;
  /** Thumbprint of the key that is sealed to follow it. */
  readonly next?: string;
  /** Whose the new key is, as the CA says: this account's, another's, or nobody's. Absent where the CA was not asked. */
  readonly owner?: "this" | "other" | "nobody";
}

/**
 * What to do about a rollover that was announced:
 * `ask` the CA whose the new key is; `promote` the new key, which is the account's; `finish`, as it is the vault's already;
 * `undo`: the CA never carried it out, and the former key counts, but the new one is kept, for the request may still
 * arrive; `discard`: the new key is another account's; `drop`: a person put another key in place, so it does not matter.
 */
export type RolloverStep = "ask" | "promote" | "finish" | "undo" | "discard" | "drop";

/** Decides how a rollover goes on, from what is known (RFC 8555 §7.3.5). */
export function rolloverStep(
  { from, to }: AccountChange & { readonly change: "rollover" },
  { current, next, owner }: RolloverFacts,
): RolloverStep {
  if (current === to) return "finish";
  if (current !== from || next !== to) return "drop";
  if (owner === undefined) return "ask";
  switch (owner) {
    case "this":
      return "promote";
    case "other":
      return "discard";
    case "nobody":
      return "undo";
  }
}
