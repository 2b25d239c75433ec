import { assert, assertEquals } from "@std/assert";
import { onDisk } from "../support/disk_world.ts";
import type { World } from "../support/failure_world.ts";
import { CALL } from "../support/fakes.ts";
import { type Fate, type FaultyDisk, nameOf } from "../support/faulty_disk.ts";

const FULL = {
  code: "VAULT_UNAVAILABLE",
  says: /database or disk is full .*look at the file, its folder and the disk/,
} as const;

/** The disk is well again: the renewal ends with the one order and the one certificate, and leaves nothing behind. */
async function goesOn(world: World, disk: FaultyDisk, at: string): Promise<void> {
  disk.heal();
  await world.lookUntilRenewed();
  world.clock.move(3_600_000);
  await world.look();
  assertEquals(world.made(), { certificates: 1, orders: 1 }, at);
  const [held] = await world.service.certificates(CALL);
  assertEquals(
    held?.deployments.map((it) => [it.state, it.fingerprint]),
    [["served", held?.record.facts.fingerprint]],
    at,
  );
  assertEquals(await world.records.orders.list(CALL), [], at);
  assertEquals(await world.records.answers.list(CALL), [], at);
  const sealed = disk.journal.flatMap((it) => it.do === "seal" ? it.writes.map(({ name }) => name) : []);
  for (const name of sealed.filter((it) => it.startsWith(".order-key"))) {
    assert(await world.vault.read(name, CALL) === undefined, `${at}: an order's key is left`);
  }
}

/** Something told the failure, or nothing was lost by it: the renewal went through at once. */
async function checkTold(world: World, at: string): Promise<void> {
  const failed = world.events.some(({ level }) => level === "error");
  assert(failed || world.isRenewed(), `${at}: nothing tells`);
  const expected = failed ? FULL : {};
  await (world.isRenewed() ? world.checkRenewed(expected) : world.check(expected));
}

for (
  const [what, fate, lasting] of [
    ["is full or read-only from a write on", "refused", true],
    ["refuses one write (EIO)", "refused", false],
    ["does one write and reports a failure", "done, and reported as failed", false],
    ["does all writes and reports failures", "done, and reported as failed", true],
  ] as const satisfies readonly (readonly [string, Fate, boolean])[]
) {
  Deno.test(`F-93: a disk that ${what}, at each write of a renewal: the old pair or the new, an alarm, one order`, () =>
    onDisk(async (world, disk, writes) => {
      for (const [i, write] of writes.entries()) {
        const at = `write ${i + 1}, ${nameOf(write)}`;
        await world.strike();
        disk.decide((n) => n === i + 1 || (lasting && n > i) ? fate : "done");
        await world.look();
        await checkTold(world, at);
        await goesOn(world, disk, at);
      }
    }));
}

Deno.test("F-93: while the disk is full, the CA is left alone", () =>
  onDisk(async (world, disk, writes) => {
    for (const [i, write] of writes.entries()) {
      await world.strike();
      disk.decide((n) => n > i ? "refused" : "done");
      await world.look();
      const asked = world.requests().length;
      for (let looks = 0; looks < 3; looks++) {
        world.clock.move(30_000);
        await world.look();
      }
      assertEquals(world.requests().slice(asked), [], nameOf(write));
      await goesOn(world, disk, nameOf(write));
    }
  }));
