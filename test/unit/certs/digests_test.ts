import { assertEquals, assertNotEquals } from "@std/assert";
import { digests } from "../../../plugin/certs/digests.ts";
import { replaceFile } from "../../../plugin/certs/files.ts";
import { tempDir, until } from "../../support/process.ts";

const CHANGES: readonly (readonly [string, (path: string) => Promise<void>])[] = [
  ["was replaced by another", (path) => replaceFile(path, "two")],
  ["was written over in place", (path) => Deno.writeTextFile(path, "two")],
  ["was written over, and its time put back", async (path) => {
    const { mtime } = await Deno.stat(path);
    await Deno.writeTextFile(path, "two");
    await Deno.utime(path, mtime!, mtime!);
  }],
];
for (const [why, change] of CHANGES) {
  Deno.test(`digests() notices that a file ${why}`, async () => {
    using dir = tempDir();
    const path = `${dir.path}/a.pem`;
    await Deno.writeTextFile(path, "one");
    const sums = digests();
    const before = (await sums.of([path])).get(path);
    assertEquals(before, "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
    assertEquals((await sums.of([path])).get(path), before);
    await change(path);

    assertNotEquals((await sums.of([path])).get(path), before);
  });
}

Deno.test("digests() notices that an old file was written over, and its time put back", async () => {
  using dir = tempDir();
  const path = `${dir.path}/a.pem`;
  const long = new Date("2026-01-01T00:00:00Z");
  await Deno.writeTextFile(path, "one");
  await Deno.utime(path, long, long);
  const sums = digests();
  await until("its last change is no longer new", async () => {
    const { ctime } = await Deno.stat(path);
    return Date.now() - ctime!.getTime() > 2_100;
  });
  const before = (await sums.of([path])).get(path);
  await Deno.writeTextFile(path, "two");
  await Deno.utime(path, long, long);

  assertNotEquals((await sums.of([path])).get(path), before);
});

Deno.test("digests() leaves out what is not there and what cannot be read", async () => {
  using dir = tempDir();
  await Deno.mkdir(`${dir.path}/folder`);
  assertEquals((await digests().of([`${dir.path}/none`, `${dir.path}/folder`])).size, 0);
});
