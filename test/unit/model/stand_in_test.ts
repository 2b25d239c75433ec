import { assertEquals } from "@std/assert";
import type { DeploymentRecord, ServedVersion } from "../../../src/model/records.ts";
import { parseSecretName } from "../../../src/model/secret_name.ts";
import { heldOver, lastServed, standInRefused } from "../../../src/model/stand_in.ts";

const at = new Date("2026-06-01T12:00:00Z");
const about = { balancer: "lb", secretName: parseSecretName("A"), at };
const version = (fingerprint: string): ServedVersion => ({ fingerprint, at, shadowed: [] });
const served = (fingerprint: string): DeploymentRecord => ({ ...about, fingerprint, state: "served", shadowed: [] });
const held = (
  fingerprint: string,
  refused?: readonly string[],
  standIn?: string,
): DeploymentRecord & { readonly state: "held" } => ({
  ...about,
  fingerprint,
  state: "held",
  reason: "no",
  until: at,
  ...refused && { refused },
  ...standIn && { standIn: version(standIn) },
});

for (
  const [why, before, wasRefused, refused, standIn] of [
    ["it is the first", undefined, true, ["new"], undefined],
    ["it is the first, and nothing was begun", undefined, false, undefined, undefined],
    ["another was served", served("old"), true, ["new"], "old"],
    ["another was served, and nothing was begun", served("old"), false, undefined, "old"],
    ["it was served itself", served("new"), true, ["new"], undefined],
    ["another was held", held("old", ["old"]), true, ["old", "new"], undefined],
    ["another was held, with a stand-in", held("old", ["old"], "older"), true, ["old", "new"], "older"],
    ["it stood in itself", held("old", ["old"], "new"), true, ["old", "new"], undefined],
    ["it is held again, with a stand-in", held("new", ["old", "new"], "older"), true, ["old", "new"], "older"],
    ["it is held again, and nothing stands in", held("new", ["old", "new"]), true, ["new"], undefined],
    ["it is held again, as the balancer is away", held("new", ["old", "new"]), false, ["old", "new"], undefined],
  ] as const
) {
  Deno.test(`heldOver() where ${why}: refused ${refused ?? "none"}, ${standIn ?? "nothing"} stands in`, () => {
    const found = heldOver(before, "new", wasRefused);
    assertEquals([found.refused, found.standIn], [refused, standIn && version(standIn)]);
  });
}

Deno.test("standInRefused() keeps the hold, and forgets what stood in where that is what was refused", () => {
  assertEquals(standInRefused(held("new", ["new"], "old"), "old"), held("new", ["new", "old"]));
  assertEquals(standInRefused(held("new", ["new"], "old"), "older"), held("new", ["new", "older"], "old"));
});

Deno.test("lastServed() is what clients got last, whether it is the newest or stands in", () => {
  const versions = [undefined, served("new"), held("new"), held("new", ["new"], "old")].map(lastServed);
  assertEquals(versions.map((it) => it?.fingerprint), [undefined, "new", undefined, "old"]);
});
