import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { InputError, SidecarError } from "../../src/model/errors.ts";
import { orderKeyName, parseSecretName } from "../../src/model/secret_name.ts";
import type { Clock, Vault } from "../../src/ports.ts";
import { type FakeClock, fakeClock } from "../support/fake_clock.ts";

const START = new Date("2026-01-01T00:00:00Z");
const MINUTE = 60_000;
const A = parseSecretName("A");
const B = parseSecretName("B");
const HIDDEN = orderKeyName("4f2a");
const call = { signal: new AbortController().signal };

/** What every vault promises; each adapter's test calls this once. `open` gives an empty one. */
export function vaultContract(adapter: string, open: (clock: Clock) => Promise<Vault>): void {
  const promises = (what: string, body: (vault: Vault, clock: FakeClock) => Promise<void>): void => {
    Deno.test(`${adapter}: ${what}`, async () => {
      const clock = fakeClock(START);
      await using vault = await open(clock);
      await body(vault, clock);
    });
  };

  promises("read() of what was never written is undefined", async (vault) => {
    assertEquals(await vault.read(A, call), undefined);
    assertEquals(await vault.history(A, call), []);
    assertEquals(await vault.list(call), []);
  });

  promises("write() keeps value, version and dates", async (vault, clock) => {
    await vault.write([{ name: A, value: "one" }], call);
    assertEquals(await vault.read(A, call), { value: "one", version: 1, createdAt: START });
    await clock.advance(MINUTE);
    await vault.write([{ name: A, value: "two ünïcode 🔑" }], call);
    const updatedAt = new Date(START.getTime() + MINUTE);
    assertEquals(await vault.read(A, call), { value: "two ünïcode 🔑", version: 2, createdAt: START, updatedAt });
  });

  promises("write() normalises values as Kontena does", async (vault) => {
    await vault.write([{ name: A, value: " \n-----BEGIN X-----\nAA==\n-----END X-----\n" }], call);
    assertEquals((await vault.read(A, call))?.value, "-----BEGIN X-----\nAA==\n-----END X-----");
  });

  promises("write() refuses a blank value and writes nothing of the rest", async (vault) => {
    const writes = [{ name: A, value: "one" }, { name: B, value: " \t\n" }];
    const error = await assertRejects(() => vault.write(writes, call), InputError, "can't be blank");
    assertEquals(error.field, "value");
    assertEquals(await vault.read(A, call), undefined);
  });

  promises("write() refuses a name that comes twice", async (vault) => {
    const writes = [{ name: A, value: "one" }, { name: A, value: "two" }];
    await assertRejects(() => vault.write(writes, call), TypeError, "A twice");
    assertEquals(await vault.read(A, call), undefined);
  });

  promises("write() takes a large value whole", async (vault) => {
    const value = "0123456789abcdef".repeat(20_000);
    await vault.write([{ name: A, value }], call);
    assertEquals((await vault.read(A, call))?.value, value);
  });

  for (
    const [before, ifVersion, why] of [
      [0, 1, "a secret that does not exist"],
      [1, 0, "a secret that exists"],
      [2, 1, "a newer version"],
      [1, 2, "a version that is not there yet"],
    ] as const
  ) {
    promises(`write() with ifVersion ${ifVersion} rejects on ${why} and changes nothing`, async (vault) => {
      for (let i = 0; i < before; i++) await vault.write([{ name: A, value: `value ${i}` }], call);
      const was = await vault.read(A, call);
      const write = vault.write([{ name: B, value: "other" }, { name: A, value: "lost?", ifVersion }], call);
      const error = await assertRejects(() => write, SidecarError, "the secret A");
      assertEquals(error.code, "CONFLICT");
      assertEquals(await vault.read(A, call), was);
      assertEquals(await vault.read(B, call), undefined, "all or nothing");
    });
  }

  promises("write() with the current version goes through", async (vault) => {
    await vault.write([{ name: A, value: "one", ifVersion: 0 }, { name: B, value: "b", ifVersion: 0 }], call);
    await vault.write([{ name: A, value: "two", ifVersion: 1 }, { name: B, value: "bb" }], call);
    assertEquals((await vault.read(A, call))?.version, 2);
    assertEquals((await vault.read(B, call))?.value, "bb");
  });

  promises("write() by many at once: each has its version, one wins each ifVersion", async (vault) => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => vault.write([{ name: A, value: `w${i}` }], call)));
    assertEquals((await vault.read(A, call))?.version, 20);
    const race = Array.from({ length: 5 }, (_, i) => vault.write([{ name: A, value: `r${i}`, ifVersion: 20 }], call));
    const outcomes = await Promise.allSettled(race);
    assertEquals(outcomes.filter((it) => it.status === "fulfilled").length, 1);
    for (const it of outcomes) if (it.status === "rejected") assertEquals(it.reason.code, "CONFLICT");
    assertEquals((await vault.read(A, call))?.version, 21);
  });

  promises("history() keeps five earlier versions, newest first", async (vault, clock) => {
    for (let i = 1; i <= 8; i++) {
      await vault.write([{ name: A, value: `value ${i}` }], call);
      await clock.advance(MINUTE);
    }
    const history = await vault.history(A, call);
    assertEquals(history.map((it) => [it.version, it.value]), [7, 6, 5, 4, 3].map((n) => [n, `value ${n}`]));
    assertEquals(history[0]?.updatedAt, new Date(START.getTime() + 6 * MINUTE));
    assertEquals(history.every((it) => it.createdAt.getTime() === START.getTime()), true);
  });

  promises("remove() takes the secret and its history, and says whether there was one", async (vault) => {
    assertEquals(await vault.remove(A, call), false);
    await vault.write([{ name: A, value: "one" }, { name: B, value: "b" }], call);
    await vault.write([{ name: A, value: "two" }], call);
    assertEquals(await vault.remove(A, call), true);
    assertEquals(await vault.remove(A, call), false);
    assertEquals(await vault.read(A, call), undefined);
    assertEquals(await vault.history(A, call), []);
    assertEquals((await vault.list(call)).map((it) => String(it.name)), ["B"]);
  });

  promises("versions never repeat, also after a removal", async (vault, clock) => {
    for (const value of ["one", "two"]) await vault.write([{ name: A, value }], call);
    await vault.remove(A, call);
    await clock.advance(MINUTE);
    await assertRejects(() => vault.write([{ name: A, value: "x", ifVersion: 2 }], call), SidecarError, "not exist");
    await vault.write([{ name: A, value: "again", ifVersion: 0 }], call);
    const createdAt = new Date(START.getTime() + MINUTE);
    assertEquals(await vault.read(A, call), { value: "again", version: 3, createdAt });
    assertEquals(await vault.history(A, call), []);
    await vault.write([{ name: B, value: "other" }], call);
    await vault.remove(B, call);
    assertEquals((await vault.read(A, call))?.version, 3, "another one's removal changes nothing");
    await vault.write([{ name: A, value: "and again", ifVersion: 3 }], call);
    assertEquals((await vault.read(A, call))?.version, 4);
  });

  promises("list() is sorted, without values and without internal records", async (vault, clock) => {
    const names = ["b", "a-b", "B", "_x", "a"].map((name) => parseSecretName(name));
    await vault.write([{ name: HIDDEN, value: "key" }, ...names.map((name) => ({ name, value: "secret" }))], call);
    await clock.advance(MINUTE);
    await vault.write([{ name: B, value: "newer" }], call);
    const updatedAt = new Date(START.getTime() + MINUTE);
    const expected = ["B", "_x", "a", "a-b", "b"].map((name) => ({ name, createdAt: START }));
    expected[0] = Object.assign({ name: "B", createdAt: START }, { updatedAt });
    assertEquals<unknown>(await vault.list(call), expected);
    assertEquals((await vault.read(HIDDEN, call))?.value, "key");
    assertEquals(await vault.remove(HIDDEN, call), true);
  });

  promises("an aborted call rejects with the signal's reason and changes nothing", async (vault) => {
    await vault.write([{ name: A, value: "one" }], call);
    const reason = new Error("no more");
    const aborted = { signal: AbortSignal.abort(reason) };
    const calls: Record<string, () => Promise<unknown>> = {
      list: () => vault.list(aborted),
      read: () => vault.read(A, aborted),
      write: () => vault.write([{ name: A, value: "two" }], aborted),
      remove: () => vault.remove(A, aborted),
      history: () => vault.history(A, aborted),
    };
    for (const [name, run] of Object.entries(calls)) assertEquals(await assertRejects(run, Error), reason, name);
    assertEquals((await vault.read(A, call))?.value, "one");
  });

  promises("write() that is aborted on the way is done wholly or not at all", async (vault) => {
    const stop = new AbortController();
    const outcome = vault.write([{ name: A, value: "a" }, { name: B, value: "b" }], stop).then(
      () => "written",
      (error) => error,
    );
    stop.abort(new Error("stopped"));
    const written = await outcome;
    if (written !== "written") assertInstanceOf(written, Error);
    const [a, b] = [await vault.read(A, call), await vault.read(B, call)];
    assertEquals([a?.value, b?.value], written === "written" ? ["a", "b"] : [undefined, undefined]);
    assert(a?.version === b?.version);
  });
}
