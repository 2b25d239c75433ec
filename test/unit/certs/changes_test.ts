import { assertEquals } from "@std/assert";
import { type Changes, changes } from "../../../plugin/certs/changes.ts";
import { removeFile, replaceFile } from "../../../plugin/certs/files.ts";
import { baseName } from "../../../plugin/certs/paths.ts";
import { stampOf } from "../../../plugin/certs/stamp.ts";
import { CALL } from "../../support/fakes.ts";
import { tempDir, until } from "../../support/process.ts";

/** That many are looked at with two questions. */
const MANY = 1_000;

async function seen(watched: Changes, paths: readonly string[]): Promise<void> {
  for (const path of paths) watched.seen(path, await stampOf(path));
}

const CHANGES: readonly (readonly [string, (path: string) => Promise<void>])[] = [
  ["was replaced by another", (path) => replaceFile(path, "two")],
  ["was written over in place", (path) => Deno.writeTextFile(path, "another text")],
  ["was removed", (path) => removeFile(path)],
  ["was renamed", (path) => Deno.rename(path, `${path}.old`)],
];
for (const [why, change] of CHANGES) {
  Deno.test(`since() tells once that a file ${why}`, async () => {
    using dir = tempDir();
    const [one, two] = [`${dir.path}/a.pem`, `${dir.path}/b.pem`];
    for (const path of [one, two]) await Deno.writeTextFile(path, "one");
    const watched = changes();
    await seen(watched, [one, two]);
    assertEquals(await watched.since(CALL), []);
    await change(one);

    assertEquals([await watched.since(CALL), await watched.since(CALL)], [[one], []]);
    await Deno.writeTextFile(one, "it is there again");
    assertEquals(await watched.since(CALL), [one]);
  });
}

Deno.test("since() tells nothing of what was done by us, or was there when it was seen", async () => {
  using dir = tempDir();
  const [one, two] = [`${dir.path}/a.pem`, `${dir.path}/b.pem`];
  for (const path of [one, two]) await Deno.writeTextFile(path, "one");
  const watched = changes();
  await seen(watched, [one, two]);
  await replaceFile(one, "two");
  await removeFile(two);
  await watched.own([one, two]);
  assertEquals(await watched.since(CALL), []);

  await Deno.writeTextFile(one, "somebody else's");
  assertEquals(await watched.since(CALL), [one]);
  await seen(watched, [one]);
  assertEquals(await watched.since(CALL), []);
});

Deno.test("since() tells of a folder that was replaced by an empty one", async () => {
  using dir = tempDir();
  const folder = `${dir.path}/certs`;
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/a.pem`, "one");
  const watched = changes();
  await seen(watched, [`${folder}/a.pem`]);
  await watched.since(CALL);
  await Deno.rename(folder, `${folder}.old`);
  await Deno.mkdir(folder);

  assertEquals(await watched.since(CALL), [`${folder}/a.pem`]);
});

Deno.test("since() finds a replaced file among thousands at once, one that was written to with one of the next", async () => {
  using dir = tempDir();
  const paths = Array.from({ length: MANY }, (_, i) => `${dir.path}/${String(i).padStart(4, "0")}.pem`);
  for (const path of paths) await Deno.writeTextFile(path, "one");
  const watched = changes();
  await seen(watched, paths);
  const last = paths.at(-1)!;
  await replaceFile(last, "two");
  assertEquals((await watched.since(CALL)).map(baseName), ["0999.pem"]);

  // A folder that was changed a moment ago is not relied on.
  await until("the folder has come to rest", async () => (await stampOf(dir.path))?.settled);
  await watched.since(CALL);
  await Deno.writeTextFile(last, "a text of another length");
  assertEquals([await watched.since(CALL), await watched.since(CALL)], [[], [last]]);
});
