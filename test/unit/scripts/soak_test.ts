import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { diskTable } from "../../../scripts/soak/disk_run.ts";
import { killPlan, killTable } from "../../../scripts/soak/kill_plan.ts";
import { parseSeeds } from "../../../scripts/soak/main.ts";
import { canMount, mountSmallDisk } from "../../../scripts/soak/small_disk.ts";
import { tempDir } from "../../support/process.ts";

Deno.test("parseSeeds() takes a number of seeds or one of them, and refuses anything else", () => {
  assertEquals([parseSeeds([]).length, parseSeeds(["--seeds=2"]), parseSeeds(["--seed=7"])], [10, [1, 2], [7]]);
  for (const args of [["--seeds=0"], ["--seeds"], ["7"], ["--seed=1", "--seed=2"]]) {
    assertThrows(() => parseSeeds(args), RangeError, `"${args.join(" ")}": use --seeds=N`);
  }
});

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
