import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { SidecarError } from "../../../src/model/errors.ts";
import { orderKeyName, parseSecretName } from "../../../src/model/secret_name.ts";
import type { Event, Outbox, Vault } from "../../../src/ports.ts";
import { memoryVault } from "../../../src/vault/memory_vault.ts";
import { outboxVault } from "../../../src/vault/outbox.ts";
import { makeSealer } from "../../../src/vault/seal.ts";
import { type AwayVault, awayVault, memoryOutbox } from "../../support/away_vault.ts";
import { TEST_KEY } from "../../support/embedded.ts";
import { fakeClock } from "../../support/fake_clock.ts";
import { CALL } from "../../support/fakes.ts";

const A = parseSecretName("A");
const B = parseSecretName("B");
const KEY = orderKeyName("4f2a");
const MAY_WAIT = { ...CALL, mayWait: true };
const SEALED = { code: "VAULT_UNAVAILABLE" } as const;
const clock = fakeClock(new Date("2026-01-01T00:00:00Z"));
const sealer = await makeSealer(TEST_KEY);

interface Room {
  readonly vault: Vault;
  readonly away: AwayVault;
  readonly inner: Vault;
  readonly outbox: ReturnType<typeof memoryOutbox>;
  readonly events: Event[];
  /** The same stores, seen by another process. */
  restart(outbox?: Outbox): Vault;
}

function room(): Room {
  const inner = memoryVault(clock);
  const away = awayVault(inner);
  const outbox = memoryOutbox();
  const events: Event[] = [];
  const restart = (box: Outbox = outbox): Vault =>
    outboxVault({
      vault: away.vault,
      outbox: box,
      sealer,
      clock,
      events: { emit: (event) => void events.push(event) },
    });
  return { vault: restart(), away, inner, outbox, events, restart };
}

Deno.test("outboxVault() keeps nothing back while the vault is there", async () => {
  const { vault, inner, outbox, events } = room();
  await vault.write([{ name: A, value: "one" }], MAY_WAIT);
  assertEquals((await inner.read(A, CALL))?.value, "one");
  assertEquals([outbox.entries.size, events], [0, []]);
});

Deno.test("outboxVault() lets only wait what may, and that can be read meanwhile", async () => {
  const { vault, away, inner, outbox, events } = room();
  away.leave(SEALED);
  await assertRejects(() => vault.write([{ name: A, value: "lost?" }], CALL), SidecarError, "sealed");
  await assertRejects(() => vault.ready(CALL), SidecarError, "sealed");
  assertEquals(outbox.entries.size, 0);

  await vault.write([{ name: A, value: " one\n" }, { name: B, value: "two" }], MAY_WAIT);

  assertEquals(await vault.read(A, CALL), { value: "one", version: 0, createdAt: clock.now() });
  await assertRejects(() => vault.read(KEY, CALL), SidecarError, "sealed");
  assertEquals(events.map(({ name, fields }) => [name, fields?.["waiting"]]), [["vault.waits", 1]]);
  assertStringIncludes(events[0]!.text, "A, B waits");
  assert(
    !JSON.stringify([...outbox.entries.values()].map(({ sealed }) => new TextDecoder().decode(sealed))).includes("one"),
  );

  away.comeBack();
  assertEquals((await vault.read(A, CALL))?.version, 1);
  assertEquals((await inner.read(B, CALL))?.value, "two");
  assertEquals(outbox.entries.size, 0);
});

Deno.test("outboxVault() carries out what waited in its order, before anything newer", async () => {
  const { vault, away, inner } = room();
  away.leave(SEALED);
  await vault.write([{ name: KEY, value: "key", ifVersion: 0 }], MAY_WAIT);
  await vault.write([{ name: A, value: "old" }], MAY_WAIT);
  await vault.write([{ name: A, value: "new" }], MAY_WAIT);
  assertEquals(await vault.remove(KEY, MAY_WAIT), true);
  assertEquals([(await vault.read(A, CALL))?.value, await vault.read(KEY, CALL)], ["new", undefined]);

  away.comeBack();
  await vault.write([{ name: A, value: "newest" }], CALL);

  const versions = [await inner.read(A, CALL), ...await inner.history(A, CALL)].map((it) => it?.value);
  assertEquals(versions, ["newest", "new", "old"]);
  assertEquals(await inner.read(KEY, CALL), undefined);
});

Deno.test("outboxVault() goes on after a restart, also where the restart came between a write and its end", async () => {
  const { vault, away, inner, outbox, restart } = room();
  away.leave(SEALED);
  await vault.write([{ name: A, value: "one" }], MAY_WAIT);
  await vault.write([{ name: B, value: "two" }], MAY_WAIT);
  away.comeBack();
  const dying = { ...outbox, remove: () => Promise.reject(new Error("killed")) };
  await assertRejects(() => restart(dying).list(CALL), Error, "killed");
  assertEquals((await inner.read(A, CALL))?.version, 1);

  const next = restart();
  await next.write([{ name: A, value: "three" }], CALL);

  assertEquals([(await inner.read(A, CALL))?.version, (await inner.read(B, CALL))?.value], [2, "two"]);
  assertEquals(outbox.entries.size, 0);
});

Deno.test("outboxVault() writes nothing twice that had arrived although nobody was told", async () => {
  const { vault, away, inner, outbox } = room();
  away.leave("answers get lost");
  await vault.write([{ name: A, value: "one" }], MAY_WAIT);
  assertEquals(outbox.entries.size, 1);
  away.comeBack();
  await vault.ready(CALL);
  assertEquals([(await inner.read(A, CALL))?.version, outbox.entries.size], [1, 0]);
});

Deno.test("outboxVault() finds the truth where a read is stale, by comparing versions", async () => {
  const { away, inner, outbox, restart } = room();
  await inner.write([{ name: A, value: "first" }], CALL);
  const first = await inner.read(A, CALL);
  await inner.write([{ name: A, value: "second" }], CALL);
  away.leave(SEALED);
  await restart().write([{ name: A, value: "third" }], MAY_WAIT);
  away.comeBack();
  let stale = true;
  const lagging: Vault = {
    ...inner,
    read: async (name, call) => stale ? (stale = false, first) : await inner.read(name, call),
  };
  const events = { emit: (): void => {} };
  await outboxVault({ vault: lagging, outbox, sealer, clock, events }).ready(CALL);
  const versions = [await inner.read(A, CALL), ...await inner.history(A, CALL)].map((it) => it?.value);
  assertEquals(versions, ["third", "second", "first"]);
});

for (const [code, tries] of [["CONFLICT", 3], ["VAULT_UNAVAILABLE", 1]] as const) {
  Deno.test(`outboxVault() tries a write that ends with ${code} ${tries} times, and keeps it waiting`, async () => {
    const { away, inner, outbox, restart } = room();
    away.leave(SEALED);
    await restart().write([{ name: A, value: "one" }], MAY_WAIT);
    let asked = 0;
    const refusing: Vault = {
      ...inner,
      write: () => {
        asked++;
        return Promise.reject(new SidecarError(code, "no"));
      },
    };
    const events = { emit: (): void => {} };
    const vault = outboxVault({ vault: refusing, outbox, sealer, clock, events });
    await assertRejects(() => vault.ready(CALL), SidecarError, "no");
    assertEquals([asked, outbox.entries.size], [tries, 1]);
  });
}

Deno.test("outboxVault() leaves an entry that cannot be opened where it is, tells it, and numbers past it", async () => {
  const { vault, away, inner, outbox, events, restart } = room();
  away.leave(SEALED);
  await vault.write([{ name: A, value: "one" }], MAY_WAIT);
  const [entry] = outbox.entries.values();
  entry!.sealed[20]! ^= 1;

  const next = restart();
  await next.write([{ name: B, value: "two" }], MAY_WAIT);
  away.comeBack();
  await next.ready(CALL);

  assertEquals([await inner.read(A, CALL), (await inner.read(B, CALL))?.value], [undefined, "two"]);
  assertEquals([...outbox.entries.keys()], [entry!.id]);
  assert(events.some(({ name, level }) => name === "vault.outbox" && level === "error"));
});

Deno.test("outboxVault() says both reasons where the outbox is full as well", async () => {
  const { away, outbox, restart } = room();
  const full = { ...outbox, put: () => Promise.reject(new Error("no space left")) };
  away.leave(SEALED);
  const write = restart(full).write([{ name: A, value: "one" }], MAY_WAIT);
  const error = await assertRejects(
    () => write,
    SidecarError,
    "The vault is sealed; nor can it wait in the outbox: no space left",
  );
  assertEquals(error.code, "VAULT_UNAVAILABLE");
});
