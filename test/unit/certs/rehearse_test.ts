import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { rehearseIn, rehearseReplacing } from "../../../plugin/certs/files.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import { tempDir } from "../../support/process.ts";
import { filesIn } from "../../support/wired.ts";

Deno.test("rehearseIn() leaves no file", async () => {
  using dir = tempDir();
  await rehearseIn(dir.path);
  assertEquals(filesIn(dir.path), []);
});

Deno.test("rehearseIn() names the folder that it cannot write", async () => {
  const error = await assertRejects(() => rehearseIn("/proc"), SidecarError, "Cannot use /proc: ");
  assertStringIncludes(error.todo ?? "", "for reading and writing");
});

Deno.test("rehearseReplacing() leaves text, mode and owner as they were", async () => {
  using dir = tempDir();
  const path = `${dir.path}/certs.list`;
  await Deno.writeTextFile(path, "/a.pem\n# b\n", { mode: 0o600 });
  if (Deno.uid() === 0) await Deno.chown(path, 65_534, 65_534);
  await Deno.chmod(path, 0o604);
  const before = filesIn(dir.path);
  const { ino } = await Deno.stat(path);
  await rehearseReplacing(path);
  assertEquals(filesIn(dir.path), before);
  assertEquals((await Deno.stat(path)).ino === ino, false, "it was not replaced");
});
