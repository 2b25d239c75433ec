import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ensureParts, type Machine, packagesOf, parseParts } from "../../../scripts/parts.ts";

interface Fake extends Machine {
  readonly said: string[];
  readonly installed: string[];
}

/** A machine with some programs; `brings` are there after packages were installed; without it nothing can be. */
function machine(programs: readonly string[], brings?: readonly string[]): Fake {
  const there = new Set(programs);
  const installed: string[] = [];
  const said: string[] = [];
  const install = (packages: readonly string[]): Promise<void> => {
    installed.push(...packages);
    for (const program of brings ?? []) there.add(program);
    return Promise.resolve();
  };
  return {
    said,
    installed,
    has: (program) => there.has(program),
    say: (line) => said.push(line),
    ...(brings === undefined ? {} : { install }),
  };
}

Deno.test("packagesOf() names each package once", () => {
  assertEquals(packagesOf(["pebble", "pebble-challtestsrv", "haproxy"]), ["pebble", "haproxy"]);
});

Deno.test("ensureParts() says and installs nothing where all is there", async () => {
  const it = machine(["haproxy", "pebble"], []);
  assertEquals(await ensureParts(["haproxy", "pebble"], it), []);
  assertEquals([it.said, it.installed], [[], []]);
});

Deno.test("ensureParts() says what it installs, first, and installs only what is missing", async () => {
  const it = machine(["haproxy"], ["pebble", "pebble-challtestsrv"]);
  const saidBefore: number[] = [];
  const install = async (packages: readonly string[]): Promise<void> => {
    saidBefore.push(it.said.length);
    await it.install?.(packages);
  };
  assertEquals(await ensureParts(["haproxy", "pebble", "pebble-challtestsrv"], { ...it, install }), []);
  assertEquals([it.installed, saidBefore, it.said.length], [["pebble"], [1], 1]);
  assertStringIncludes(it.said[0] ?? "", "Installing pebble");
});

Deno.test("ensureParts() names the one command where nothing can be installed", async () => {
  const it = machine(["openssl"]);
  assertEquals(await ensureParts(["haproxy", "pebble", "openssl"], it), ["haproxy", "pebble"]);
  assertEquals(it.said.length, 1);
  assertStringIncludes(it.said[0] ?? "", "sudo apt-get install --no-install-recommends haproxy pebble");
});

Deno.test("ensureParts() tells what is still missing after an installation", async () => {
  const it = machine([], ["haproxy"]);
  assertEquals(await ensureParts(["haproxy", "pebble"], it), ["pebble"]);
  assertStringIncludes(it.said[1] ?? "", "Still missing: pebble");
});

Deno.test("ensureParts() goes on after a failed installation, with its reason", async () => {
  const it = machine([], []);
  const install = (): Promise<void> => Promise.reject(new Error("apt-get said no"));
  assertEquals(await ensureParts(["haproxy"], { ...it, install }), ["haproxy"]);
  assertEquals(it.said[1], "apt-get said no");
});

Deno.test("parseParts() refuses a program that is not in the table, and names those that are", () => {
  assertEquals(parseParts(["pebble"]), ["pebble"]);
  const error = assertThrows(() => parseParts(["nginx"]), RangeError, '"nginx"');
  assertStringIncludes(error.message, "haproxy");
});
