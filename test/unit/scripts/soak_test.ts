import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { diskTable } from "../../../scripts/soak/disk_run.ts";
import { damageOf, type DriftReport, driftTable } from "../../../scripts/soak/drift_run.ts";
import { killPlan, killTable } from "../../../scripts/soak/kill_plan.ts";
import { parseArguments } from "../../../scripts/soak/main.ts";
import { canMount, mountSmallDisk } from "../../../scripts/soak/small_disk.ts";
import { tempDir } from "../../support/process.ts";

Deno.test("parseArguments() takes seeds and minutes, and refuses anything else", () => {
  assertEquals(parseArguments([]), {
    seeds: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    driftMinutes: 15,
    onlyDrift: false,
  });
  assertEquals(parseArguments(["--seeds=2", "--drift=0"]), { seeds: [1, 2], driftMinutes: 0, onlyDrift: false });
  assertEquals(parseArguments(["--seed=7", "--only=drift"]), { seeds: [7], driftMinutes: 15, onlyDrift: true });
  for (const arg of ["--seeds=0", "--seeds", "7", "--only=kill", "--drift=x"]) {
    assertThrows(() => parseArguments(["--seed=1", arg]), RangeError, `"${arg}": use --seeds=N`);
  }
});

const QUIET: DriftReport = {
  played: new Map(),
  struck: 0,
  recalled: 3,
  made: { orders: 23, certificates: 23 },
  wrong: [],
  repairs: 0,
  restMs: 1,
  repairMs: 1,
};

Deno.test("driftTable() adds up what happened in all runs", () => {
  const table = driftTable([
    { ...QUIET, played: new Map([["a reload", 2]]), repairs: 3, struck: 5, made: { orders: 25, certificates: 24 } },
    { ...QUIET, played: new Map([["a reload", 1], ["a file removed", 4]]), wrong: ["one n1.soak.test"] },
    { ...QUIET, repairs: 1, made: { orders: 23, certificates: 21 } },
  ]);
  assertEquals(table.rows, [
    ["a file removed", "4"],
    ["a reload", "3"],
    ["requests at the CA that a fault struck", "5"],
    ["renewals that the CA asked for", "9"],
    ["repairs that were told", "4"],
    ["orders that nobody asked for", "2"],
    ["certificates issued twice", "1"],
    ["renewals that did not come", "2"],
    ["names that were not right in the end", "1"],
  ]);
});

for (
  const [what, report, damage] of [
    ["takes a run in which all that was asked for came", QUIET, []],
    ["sees an order that nobody asked for", { ...QUIET, made: { orders: 24, certificates: 23 } }, [
      "24 orders for 23 certificates",
    ]],
    ["sees a renewal that did not come", { ...QUIET, made: { orders: 22, certificates: 22 } }, [
      "22 orders for 23 certificates",
      "22 certificates in place of 23",
    ]],
    ["sees a name that is wrong", { ...QUIET, wrong: ["two n3.soak.test"] }, ["two n3.soak.test"]],
  ] as const
) {
  Deno.test(`damageOf() ${what}`, () => assertEquals(damageOf(report), [...damage]));
}

Deno.test("killPlan() plays each seed the same way again, and in eight of them every way", () => {
  const shown = (seed: number): unknown => ({
    ...killPlan("pebble", seed),
    delayMs: [1, 2, 3].map((at) => killPlan("pebble", seed).delayMs?.(at)),
  });
  assertEquals(shown(3), shown(3));
  const ways = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => killPlan("pebble", seed))
    .map(({ moment, challenge, delayMs }) => `${challenge} ${delayMs === undefined ? moment : "later"}`);
  assertEquals([...new Set(ways)].sort(), [
    "http-01 after",
    "http-01 before",
    "http-01 later",
    "tls-alpn-01 after",
    "tls-alpn-01 before",
    "tls-alpn-01 later",
  ]);
});

Deno.test("killTable() counts deaths and damage by step, and all of them", () => {
  const table = killTable([
    { step: "put orders", missed: true, damage: new Map() },
    { step: "seal key", missed: false, damage: new Map([["key lost", "gone"], ["not served", "down"]]) },
    { step: "put orders", missed: false, damage: new Map([["key lost", "gone"]]) },
  ]);
  assertEquals(table.rows, [
    ["put orders", "2", "1", "0", "1", "0", "0", "0", "0"],
    ["seal key", "1", "0", "0", "1", "0", "0", "1", "0"],
    ["all", "3", "1", "0", "2", "0", "0", "1", "0"],
  ]);
});

Deno.test("diskTable() counts renewals, what was left and damage by what was full, and all of them", () => {
  const table = diskTable([
    { full: "vault", killed: true, left: "old", damage: new Map() },
    { full: "vault", killed: true, left: "new", damage: new Map([["pair not loaded", "half"]]) },
    { full: "both", killed: false, left: "old", damage: new Map([["issued twice", 2]]) },
  ]);
  assertEquals(table.rows, [
    ["both", "1", "1", "0", "0", "0", "0", "1"],
    ["vault, killed", "2", "1", "1", "1", "0", "0", "0"],
    ["all", "3", "2", "1", "1", "0", "0", "1"],
  ]);
});

Deno.test({
  name: "mountSmallDisk() is full up to what is left, until it is freed, and goes away with its scope [needs root]",
  ignore: !canMount(),
  async fn(): Promise<void> {
    using folder = tempDir();
    {
      using disk = mountSmallDisk(folder.path, 1024);
      disk.fill(16 * 1024);
      await Deno.writeFile(`${folder.path}/fits`, new Uint8Array(8 * 1024));
      await assertRejects(
        () => Deno.writeFile(`${folder.path}/large`, new Uint8Array(32 * 1024)),
        Error,
        "No space left",
      );
      disk.free();
      await Deno.writeFile(`${folder.path}/large`, new Uint8Array(32 * 1024));
    }
    assertEquals([...Deno.readDirSync(folder.path)], []);
  },
});
