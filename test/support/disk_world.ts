import { assert, assertEquals } from "@std/assert";
import { certificateSecrets } from "../../src/model/secret_name.ts";
import { inWorld, type World, type WorldOptions } from "./failure_world.ts";
import { CALL } from "./fakes.ts";
import { type DiskWrite, type FaultyDisk, faultyDisk } from "./faulty_disk.ts";

/** Plays on a disk of its own; `writes` are those of a renewal that nothing disturbed. */
export async function onDisk(
  play: (world: World, disk: FaultyDisk, writes: readonly DiskWrite[]) => Promise<void>,
  options: Omit<WorldOptions, "stores"> = {},
): Promise<void> {
  let disk: FaultyDisk | undefined;
  const stores: WorldOptions["stores"] = (clock) => disk = faultyDisk(clock);
  await inWorld({ ...options, stores }, async (world) => {
    assert(disk !== undefined);
    await world.strike();
    const before = disk.journal.length;
    await world.lookUntilRenewed();
    const writes = disk.journal.slice(before);
    assert(writes.length > 20, `a renewal has only ${writes.length} writes`);
    await play(world, disk, writes);
  });
}

/** What is in the vault is a whole pair, what is written down is said of it, and it is what is served. */
export async function checkWhole(world: World, at: string): Promise<void> {
  const names = certificateSecrets(world.intent.secretName);
  const read = async (name: keyof typeof names): Promise<string> =>
    (await world.vault.read(names[name], CALL))?.value ?? "";
  const [key, certificate, bundle] = [await read("privateKey"), await read("certificate"), await read("bundle")];
  assert(key !== "" && bundle === `${certificate}\n${key}`, `${at}: half a pair`); // no difference shown: it is a key
  const served = world.served()?.bundle;
  const same = served?.certificates.join("").trim() === certificate && served.keyPem.trim() === key;
  assert(same, `${at}: another pair is served than is in the vault`);
  const record = (await world.records.certificates.get(world.intent.secretName, CALL))?.value;
  assertEquals(record?.facts.serial, served.facts.serial, `${at}: another certificate is written down`);
}
