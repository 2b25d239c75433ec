import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { install, noDaemons } from "../../../scripts/apt.ts";
import { tempDir } from "../../support/process.ts";

interface Answer {
  readonly ok: boolean;
  readonly output: string;
}

const OK: Answer = { ok: true, output: "" };
const NO: Answer = { ok: false, output: "E: Unable to locate package haproxy" };

function apt(...answers: readonly Answer[]): { readonly calls: string[]; run(...args: string[]): Promise<Answer> } {
  const calls: string[] = [];
  return {
    calls,
    run: (...args) => {
      calls.push(args[0] ?? "");
      return Promise.resolve(answers[calls.length - 1] ?? NO);
    },
  };
}

for (
  const [why, answers, calls] of [
    ["once where the package lists are there", [OK], ["install"]],
    ["again with new package lists", [NO, OK, OK], ["install", "update", "install"]],
    ["again also where only some lists could be read", [NO, NO, OK], ["install", "update", "install"]],
  ] as const
) {
  Deno.test(`install() runs apt-get ${why}`, async () => {
    const it = apt(...answers);
    await install(["haproxy"], it.run);
    assertEquals(it.calls, [...calls]);
  });
}

Deno.test("install() fails with the end of what apt-get said, that of the update if it failed first", async () => {
  const error = await assertRejects(() => install(["haproxy"], apt(NO, OK, NO).run), Error, "haproxy");
  assertStringIncludes(error.message, "Unable to locate package");
  const update = { ok: false, output: "E: Temporary failure resolving" };
  await assertRejects(() => install(["haproxy"], apt(NO, update, NO).run), Error, "Temporary failure resolving");
});

Deno.test("noDaemons() puts a policy there that refuses, and takes it away", async () => {
  using dir = tempDir();
  const path = `${dir.path}/policy-rc.d`;
  {
    using _policy = noDaemons(path);
    const { code } = await new Deno.Command(path, { args: ["haproxy", "start"] }).output();
    assertEquals(code, 101);
  }
  assertEquals(await Array.fromAsync(Deno.readDir(dir.path)), []);
});

Deno.test("noDaemons() takes its policy away also when the scope is left by an error", () => {
  using dir = tempDir();
  try {
    using _policy = noDaemons(`${dir.path}/policy-rc.d`);
    throw new Error("apt-get failed");
  } catch {
    assertEquals([...Deno.readDirSync(dir.path)], []);
  }
});

Deno.test("noDaemons() brings back the policy that was there before, with its mode", () => {
  using dir = tempDir();
  const path = `${dir.path}/policy-rc.d`;
  Deno.writeTextFileSync(path, "#!/bin/sh\nexit 0\n");
  Deno.chmodSync(path, 0o751);
  {
    using _policy = noDaemons(path);
    assertStringIncludes(Deno.readTextFileSync(path), "exit 101");
  }
  assertEquals(Deno.readTextFileSync(path), "#!/bin/sh\nexit 0\n");
  assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o751);
  assertEquals([...Deno.readDirSync(dir.path)].length, 1);
});

Deno.test("noDaemons() mends what a killed run left behind", () => {
  using dir = tempDir();
  const path = `${dir.path}/policy-rc.d`;
  Deno.writeTextFileSync(path, "#!/bin/sh\nexit 0\n");
  noDaemons(path); // killed: never disposed
  noDaemons(path)[Symbol.dispose]();
  assertEquals(Deno.readTextFileSync(path), "#!/bin/sh\nexit 0\n");
  assertEquals([...Deno.readDirSync(dir.path)].length, 1);
});
