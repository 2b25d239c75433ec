import { assertEquals } from "@std/assert";
import { type RolloverFacts, type RolloverStep, rolloverStep } from "../../../src/model/account_change.ts";

const CHANGE = {
  change: "rollover",
  account: new URL("https://ca.test/account/1"),
  at: new Date("2026-06-01T00:00:00Z"),
  from: "old",
  to: "new",
} as const;

for (
  const [why, facts, step] of [
    ["the CA was not asked yet", { current: "old", next: "new" }, "ask"],
    ["the CA knows the account by the new key", { current: "old", next: "new", owner: "this" }, "promote"],
    ["the CA knows the new key of nobody", { current: "old", next: "new", owner: "nobody" }, "undo"],
    ["the new key is another account's", { current: "old", next: "new", owner: "other" }, "discard"],
    ["the vault has the new key already", { current: "new", next: "new" }, "finish"],
    ["the new key is not sealed any more, for it is the vault's", { current: "new" }, "finish"],
    ["a person put another key in place", { current: "third", next: "new", owner: "this" }, "drop"],
    ["the vault has no account key", { next: "new" }, "drop"],
    ["the new key is gone", { current: "old" }, "drop"],
  ] as const satisfies readonly (readonly [string, RolloverFacts, RolloverStep])[]
) {
  Deno.test(`rolloverStep() is ${step} where ${why}`, () => assertEquals(rolloverStep(CHANGE, facts), step));
}
