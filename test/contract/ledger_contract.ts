import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { SidecarError } from "../../src/model/errors.ts";
import type { Clock, Json, Ledger, LedgerChange } from "../../src/ports.ts";
import { type FakeClock, fakeClock } from "../support/fake_clock.ts";

const TTL = 30_000;
const call = { signal: new AbortController().signal };

/** What every ledger promises; each adapter's test calls this once. `open` gives an empty one. */
export function ledgerContract(adapter: string, open: (clock: Clock) => Promise<Ledger>): void {
  const promises = (what: string, body: (ledger: Ledger, clock: FakeClock) => Promise<void>): void => {
    Deno.test(`${adapter}: ${what}`, async () => {
      const clock = fakeClock();
      await using ledger = await open(clock);
      await body(ledger, clock);
      assertEquals(clock.sleeping, 0, "a timer was left behind");
    });
  };

  promises("get() returns what put() wrote", async (ledger) => {
    assertEquals(await ledger.get("a", call), undefined);
    const values: readonly Json[] = [null, true, -1.5, "", "ü🔑", [], [1, [null]], { a: { "b/c": [] } }];
    for (const value of values) {
      const version = await ledger.put("a/1", value, call);
      assertEquals(await ledger.get("a/1", call), { key: "a/1", value, version });
    }
  });

  promises("get() gives a copy that is the caller's own", async (ledger) => {
    const value = { names: ["a"] };
    await ledger.put("a", value, call);
    value.names.push("b");
    const read = (await ledger.get("a", call))?.value as { names: string[] };
    assertEquals(read.names, ["a"]);
    read.names.push("c");
    assertEquals((await ledger.get("a", call))?.value, { names: ["a"] });
  });

  promises("versions count up over all keys, removals too, and never repeat", async (ledger) => {
    const first = await ledger.put("a", 1, call);
    const second = await ledger.put("b", 1, call);
    await ledger.remove("a", call);
    const third = await ledger.put("a", 1, call);
    assert(first > 0 && second > first && third > second + 1, `${first}, ${second}, ${third}`);
  });

  promises("remove() of a missing key does nothing", async (ledger) => {
    const before = await ledger.put("a", 1, call);
    await ledger.remove("b", call);
    assertEquals(await ledger.put("a", 2, call), before + 1);
  });

  promises("put() with ifVersion compares and swaps", async (ledger) => {
    const put = (value: Json, ifVersion: number): Promise<number> => ledger.put("a", value, { ...call, ifVersion });
    const conflict = async (ifVersion: number): Promise<void> => {
      const error = await assertRejects(() => put("lost?", ifVersion), SidecarError, "entry a");
      assertEquals(error.code, "CONFLICT");
    };
    await conflict(1);
    const first = await put("one", 0);
    await conflict(0);
    const second = await put("two", first);
    await conflict(first);
    assertEquals(await ledger.get("a", call), { key: "a", value: "two", version: second });
    await ledger.remove("a", call);
    await conflict(second);
    await put("three", 0);
  });

  promises("put() with one ifVersion by many at once lets one through", async (ledger) => {
    const race = Array.from({ length: 8 }, (_, i) => ledger.put("a", i, { ...call, ifVersion: 0 }));
    const outcomes = await Promise.allSettled(race);
    assertEquals(outcomes.filter((it) => it.status === "fulfilled").length, 1);
  });

  promises("list() is sorted and takes exactly the prefix", async (ledger) => {
    for (const key of ["b/1", "a/2", "A/3", "a/10", "a", "a%2F", "ab/1", "a/"]) await ledger.put(key, key, call);
    const keys = async (prefix: string): Promise<string[]> => (await ledger.list(prefix, call)).map((it) => it.key);
    assertEquals(await keys("a/"), ["a/", "a/10", "a/2"]);
    assertEquals(await keys("a"), ["a", "a%2F", "a/", "a/10", "a/2", "ab/1"]);
    assertEquals(await keys("c"), []);
    assertEquals((await keys("")).length, 8);
    assertEquals(await keys("%"), [], "no wildcard");
    assertEquals((await ledger.list("b", call))[0], { key: "b/1", value: "b/1", version: 1 });
  });

  promises(
    "news() is what list() shows, without what was known, and says how many there are in all",
    async (ledger) => {
      if (ledger.news === undefined) return; // it is an ability
      for (const key of ["a/3", "a/1", "b/1", "a"]) await ledger.put(key, key, call);
      const known = await ledger.put("a/2", "known", call);
      assertEquals(await ledger.news("a/", 0, call), { entries: await ledger.list("a/", call), count: 3 });
      assertEquals(await ledger.news("a/", known, call), { entries: [], count: 3 });
      await ledger.put("a/9", 1, call);
      await ledger.put("b/2", 1, call);
      await ledger.put("a/1", { changed: true }, call);
      await ledger.remove("a/3", call);
      const { entries, count } = await ledger.news("a/", known, call);
      assertEquals(entries.map((it) => [it.key, it.value]), [["a/1", { changed: true }], ["a/9", 1]]);
      assertEquals(count, 3);
      assertEquals((await ledger.news("", known, call)).count, 6);
    },
  );

  promises("watch() tells the changes below its prefix from the call on", async (ledger) => {
    const stop = new AbortController();
    await ledger.put("a/0", "before", call);
    const changes = ledger.watch("a/", stop);
    const first = await ledger.put("a/1", { x: 1 }, call);
    await ledger.put("b/1", 1, call);
    await ledger.remove("a/1", call);
    await ledger.remove("a/1", call);
    const last = await ledger.put("a/2", 2, call);
    assertEquals(await take(changes, 3), [
      { key: "a/1", value: { x: 1 }, version: first },
      { key: "a/1", version: last - 1 },
      { key: "a/2", value: 2, version: last },
    ]);
    stop.abort();
  });

  promises("watch() tells nothing of a write that was refused", async (ledger) => {
    const changes = ledger.watch("", call);
    await ledger.put("a", 1, { ...call, ifVersion: 7 }).catch(() => {});
    const version = await ledger.put("a", 2, call);
    assertEquals(await take(changes, 1), [{ key: "a", value: 2, version }]);
  });

  promises("watch() waits for a change, and just ends when its signal aborts", async (ledger) => {
    const stop = new AbortController();
    const seen: LedgerChange[] = [];
    const watching = (async () => {
      for await (const change of ledger.watch("a", stop)) seen.push(change);
      return "ended";
    })();
    await ledger.put("a", 1, call);
    await ledger.put("a", 2, call);
    await nextTurn();
    assertEquals(seen.map((it) => it.value ?? null), [1, 2]);
    stop.abort(new Error("not thrown"));
    assertEquals(await watching, "ended");
    assertEquals(await take(ledger.watch("a", { signal: stop.signal }), 1), []);
  });

  promises("lease() has one holder at a time, who waits gets it in order", async (ledger) => {
    const order: string[] = [];
    const first = await ledger.lease("x", TTL, call);
    const other = await ledger.lease("y", TTL, call);
    const waiting = ["second", "third"].map(async (name) => {
      await using lease = await ledger.lease("x", TTL, call);
      order.push(name);
      await nextTurn();
      order.push(`${name} done`);
      return lease.token;
    });
    await nextTurn();
    assertEquals(order, []);
    await first[Symbol.asyncDispose]();
    const [second, third] = await Promise.all(waiting);
    assertEquals(order, ["second", "second done", "third", "third done"]);
    assert(second !== undefined && third !== undefined && second > first.token && third > second);
    await other[Symbol.asyncDispose]();
  });

  promises("lease() can be given up twice without harm to the next holder", async (ledger) => {
    const first = await ledger.lease("x", TTL, call);
    await first[Symbol.asyncDispose]();
    await using second = await ledger.lease("x", TTL, call);
    await first[Symbol.asyncDispose]();
    const stop = new AbortController();
    const third = ledger.lease("x", TTL, stop);
    await nextTurn();
    stop.abort(new Error("still held"));
    await assertRejects(() => third, Error, "still held");
    assertEquals([first.signal.aborted, second.signal.aborted], [false, false]);
  });

  promises("lease() stays with a living holder beyond its time to live", async (ledger, clock) => {
    await using lease = await ledger.lease("x", TTL, call);
    await clock.advance(10 * TTL);
    assertEquals(lease.signal.aborted, false);
  });

  promises("lease() is lost by a holder that was stopped for longer, and goes to the next", async (ledger, clock) => {
    await using lost = await ledger.lease("x", TTL, call);
    const waiting = ledger.lease("x", TTL, call);
    await clock.jump(TTL - 1);
    assertEquals(lost.signal.aborted, false);
    await clock.jump(TTL + 1);
    assertEquals(lost.signal.aborted, true);
    await using next = await waiting;
    assert(next.token > lost.token);
    assertEquals(next.signal.aborted, false);
  });

  promises("lease() ends its waiting at once on abort and leaves the line", async (ledger) => {
    const first = await ledger.lease("x", TTL, call);
    const stop = new AbortController();
    const waiting = ledger.lease("x", TTL, stop);
    const behind = ledger.lease("x", TTL, call);
    await nextTurn();
    const reason = new Error("no more");
    stop.abort(reason);
    assertEquals(await assertRejects(() => waiting, Error), reason);
    await first[Symbol.asyncDispose]();
    await (await behind)[Symbol.asyncDispose]();
  });

  promises("lease() refuses a time to live that is none", async (ledger) => {
    for (const ttl of [0, -1, NaN]) await assertRejects(() => ledger.lease("x", ttl, call), RangeError);
    await (await ledger.lease("x", TTL, call))[Symbol.asyncDispose]();
  });

  promises("disposing ends watching and waiting, and leases are lost", async (ledger) => {
    const watching = take(ledger.watch("", call), 1);
    const held = await ledger.lease("x", TTL, call);
    const waiting = ledger.lease("x", TTL, call);
    const refused = assertRejects(() => waiting, SidecarError, "closed");
    await nextTurn();
    await ledger[Symbol.asyncDispose]();
    assertEquals(await watching, []);
    assertEquals((await refused).code, "VAULT_UNAVAILABLE");
    assertThrows(() => held.signal.throwIfAborted(), SidecarError, "closed");
    await held[Symbol.asyncDispose]();
    await assertRejects(() => ledger.lease("x", TTL, call), SidecarError, "closed");
  });

  promises("an aborted call rejects with the signal's reason and changes nothing", async (ledger) => {
    await ledger.put("a", 1, call);
    const reason = new Error("no more");
    const aborted = { signal: AbortSignal.abort(reason) };
    const calls: Record<string, () => Promise<unknown>> = {
      get: () => ledger.get("a", aborted),
      put: () => ledger.put("a", 2, aborted),
      remove: () => ledger.remove("a", aborted),
      list: () => ledger.list("", aborted),
      news: () => ledger.news?.("", 0, aborted) ?? Promise.reject(aborted.signal.reason),
      lease: () => ledger.lease("x", TTL, aborted),
    };
    for (const [name, run] of Object.entries(calls)) assertEquals(await assertRejects(run, Error), reason, name);
    assertEquals((await ledger.get("a", call))?.value, 1);
  });
}

async function take(changes: AsyncIterable<LedgerChange>, count: number): Promise<readonly LedgerChange[]> {
  const taken: LedgerChange[] = [];
  for await (const change of changes) {
    if (taken.push(change) === count) break;
  }
  return taken;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
