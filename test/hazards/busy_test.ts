import { assertEquals, assertStringIncludes } from "@std/assert";
import { CALL } from "../support/fakes.ts";
import type { TestHaproxy } from "../support/haproxy.ts";
import {
  FILE,
  fingerprintOf,
  issue,
  type Kit,
  NAME,
  OLD,
  rejection,
  servedForGood,
  tapped,
  test,
  untouched,
  WITH_OLD,
} from "../support/haproxy_kit.ts";
import { withKeyOf } from "../support/pki.ts";

/**
 * Keeps HAProxy's certificate commands locked: it holds the lock as long as a client has not read the whole list, and this
 * one is longer than what a socket takes.
 */
async function slowReader(haproxy: TestHaproxy): Promise<() => void> {
  for (let i = 0; i < 130; i++) await haproxy.ask(`new ssl cert /nobody/${i}-${"x".repeat(3_000)}`);
  const connection = await Deno.connect({ transport: "unix", path: haproxy.socket });
  await connection.write(new TextEncoder().encode("show ssl cert\n"));
  await connection.read(new Uint8Array(10));
  const locked = await haproxy.ask("show ssl cert");
  assertStringIncludes(locked, "Operations on certificates are currently locked!");
  return () => connection.close();
}

/** Locks when a command first begins like that; HAProxy says once that it is busy, and is not any more after that. */
async function busyAt(kit: Kit, start: string, run: Parameters<typeof tapped>[2]): Promise<void> {
  let locked = 0;
  let unlock = (): void => {};
  const before = async (command: string): Promise<undefined> => {
    unlock();
    unlock = (): void => {};
    if (locked > 0 || !command.startsWith(start)) return;
    locked++;
    unlock = await slowReader(kit.haproxy);
  };
  await tapped(kit, before, run);
  assertEquals(locked, 1, `nothing was sent that begins with ${start}`);
}

test("busy reply: swap() waits, whichever of its commands comes while HAProxy is busy", WITH_OLD, async (kit) => {
  let bundle = OLD;
  for (const start of ["show ssl cert", "show ssl cert /", "set ssl cert", "commit ssl cert"]) {
    bundle = issue(NAME);
    await busyAt(kit, start, async (lb) => {
      assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced", start);
    });
  }
  await servedForGood(kit, bundle);
});

for (const start of ["new ssl cert", "add ssl crt-list"]) {
  test(`busy reply: swap() adds a name where "${start}" comes while HAProxy is busy`, {}, async (kit) => {
    const bundle = issue(NAME);
    await busyAt(kit, start, async (lb) => {
      assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "added");
    });
    await servedForGood(kit, bundle);
  });
}

test("busy reply: swap() puts back, also where HAProxy is busy with that", WITH_OLD, async (kit) => {
  for (const start of ["show ssl cert /", "abort ssl cert"]) {
    const bundle = withKeyOf(issue(NAME), issue(NAME));
    await busyAt(kit, start, async (lb) => {
      const run = (): Promise<unknown> => lb.swap({ file: FILE, bundle }, CALL);
      await rejection(run, "SWAP_REJECTED", "the former state was put back");
    });
  }
  await untouched(kit);
});

test("busy reply: remove() waits", WITH_OLD, async (kit) => {
  await busyAt(kit, "del ssl crt-list", (lb) => lb.remove(FILE, CALL));
  assertEquals((await kit.haproxy.ask("show ssl cert")).includes(FILE), false);
  assertEquals(await fingerprintOf(kit.haproxy) === OLD.facts.fingerprint, false);
});
