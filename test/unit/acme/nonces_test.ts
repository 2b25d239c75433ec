import { setImmediate as nextTurn } from "node:timers/promises";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { noncePool, type Nonces, type NonceTurn } from "../../../src/acme/nonces.ts";
import type { Call } from "../../../src/ports.ts";
import { fakeClock } from "../../support/fake_clock.ts";

const call: Call = { signal: new AbortController().signal };
const HOUR = 3_600_000;

interface Source {
  readonly state: { asked: number; aborted: number };
  readonly fetchNonce: (call: Call) => Promise<string>;
  readonly waiting: readonly { resolve(nonce: string): void; reject(error: unknown): void }[];
}

/** A source that counts, and answers as the test lets it. */
function source(): Source {
  const waiting: { resolve(nonce: string): void; reject(error: unknown): void }[] = [];
  const state = { asked: 0, aborted: 0 };
  const fetchNonce = ({ signal }: Call): Promise<string> =>
    new Promise((resolve, reject) => {
      state.asked++;
      waiting.push({ resolve, reject });
      signal.addEventListener("abort", () => {
        state.aborted++;
        reject(signal.reason);
      }, { once: true });
    });
  return { state, fetchNonce, waiting };
}

/** A CA whose answers come one turn later and bring a nonce each. */
async function burst(pool: Nonces, requests: number): Promise<readonly string[]> {
  const used: string[] = [];
  await Promise.all(Array.from({ length: requests }, async () => {
    using turn = await pool.take(call);
    used.push(turn.nonce);
    await nextTurn();
    pool.keep(`${turn.nonce}+`);
  }));
  return used;
}

Deno.test("take() gives each nonce once, the newest first", async () => {
  const pool = noncePool(source().fetchNonce, fakeClock());
  pool.keep("a");
  pool.keep("b");
  assertEquals((await pool.take(call)).nonce, "b");
  assertEquals((await pool.take(call)).nonce, "a");
});

Deno.test("take() asks for one nonce when there is none", async () => {
  const { fetchNonce, state, waiting } = source();
  const pool = noncePool(fetchNonce, fakeClock());
  const turn = pool.take(call);
  assertEquals(state.asked, 1);
  waiting[0]?.resolve("a");
  assertEquals((await turn).nonce, "a");
});

Deno.test("take() does not use a nonce that is older than an hour", async () => {
  const clock = fakeClock();
  const { fetchNonce, state, waiting } = source();
  const pool = noncePool(fetchNonce, clock);
  pool.keep("old");
  await clock.advance(HOUR - 1);
  pool.keep("young");
  await clock.advance(2);
  assertEquals((await pool.take(call)).nonce, "young");
  const next = pool.take(call);
  waiting[0]?.resolve("fetched");
  assertEquals((await next).nonce, "fetched");
  assertEquals(state.asked, 1);
});

Deno.test("take() hands a nonce that comes back to the first who waits, and never twice", async () => {
  let fetched = 0;
  const pool = noncePool(() => Promise.resolve(`f${++fetched}`), fakeClock());
  pool.keep("a");
  const used = await burst(pool, 100);
  assertEquals(new Set(used).size, 100);
});

Deno.test("a burst of 100 costs 3 fetches on a pool of one, and a second one none", async () => {
  let fetched = 0;
  const pool = noncePool(() => Promise.resolve(`f${++fetched}`), fakeClock());
  pool.keep("a");
  await burst(pool, 100);
  assertEquals(fetched, 3);
  await burst(pool, 100);
  assertEquals(fetched, 3);
});

Deno.test("the circulation grows with the waiting, up to 32", async () => {
  let fetched = 0;
  const pool = noncePool(() => Promise.resolve(`f${++fetched}`), fakeClock());
  pool.keep("a");
  for (let i = 0; i < 10; i++) await burst(pool, 100);
  assert(fetched > 12 && fetched < 20, `${fetched} fetched for 1,000 requests`);
  for (let i = 0; i < 30; i++) await burst(pool, 100);
  assertEquals(fetched, 31);
});

Deno.test("take() is rejected with the CA's reason when no nonce can be had, all who wait at once", async () => {
  const { fetchNonce, state, waiting } = source();
  const pool = noncePool(fetchNonce, fakeClock());
  const turns = Array.from({ length: 10 }, () => pool.take(call));
  assertEquals(state.asked, 4);
  const all = Promise.allSettled(turns);
  for (const it of waiting) it.reject(new Error("maintenance"));
  const results = await all;
  assertEquals(results.map((it) => it.status === "rejected" && it.reason.message), Array(10).fill("maintenance"));
  assertEquals(state.asked, 4);
});

Deno.test("take() goes on waiting when a fetch fails but another request is under way", async () => {
  const { fetchNonce, waiting } = source();
  const pool = noncePool(fetchNonce, fakeClock());
  pool.keep("a");
  using _first = await pool.take(call);
  const second = pool.take(call);
  waiting[0]?.reject(new Error("maintenance"));
  await Promise.resolve();
  pool.keep("b");
  assertEquals((await second).nonce, "b");
});

Deno.test("a request that is disposed twice ended once", async () => {
  const { fetchNonce, waiting } = source();
  const pool = noncePool(fetchNonce, fakeClock());
  pool.keep("a");
  pool.keep("b");
  using _first = await pool.take(call);
  const second = await pool.take(call);
  second[Symbol.dispose]();
  second[Symbol.dispose]();
  const third = pool.take(call);
  waiting[0]?.reject(new Error("maintenance")); // no matter: the first is still under way
  await nextTurn();
  pool.keep("c");
  assertEquals((await third).nonce, "c");
});

Deno.test("newNonce that fails is left alone for a minute while others bring nonces", async () => {
  const clock = fakeClock();
  let asked = 0;
  const pool = noncePool(() => Promise.reject(new Error(`maintenance ${++asked}`)), clock);
  pool.keep("a");
  await burst(pool, 10);
  assertEquals(asked, 3);
  await burst(pool, 10);
  assertEquals(asked, 3);
  await clock.advance(60_000);
  await burst(pool, 10);
  assertEquals(asked, 6);
});

Deno.test("take() asks again when the request under way ended without a nonce", async () => {
  const { fetchNonce, state, waiting } = source();
  const pool = noncePool(fetchNonce, fakeClock());
  pool.keep("a");
  const first = await pool.take(call);
  const second = pool.take(call);
  waiting[0]?.reject(new Error("maintenance"));
  await nextTurn();
  assertEquals(state.asked, 1);
  first[Symbol.dispose]();
  assertEquals(state.asked, 2);
  waiting[1]?.resolve("b");
  assertEquals((await second).nonce, "b");
});

Deno.test("take() ends at once on abort, and so does the fetch that nobody needs anymore", async () => {
  const { fetchNonce, state } = source();
  const pool = noncePool(fetchNonce, fakeClock());
  const controller = new AbortController();
  const turn = pool.take({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => turn, Error, "enough");
  assertEquals(state, { asked: 1, aborted: 1 });
  await assertRejects(() => pool.take({ signal: controller.signal }), Error, "enough");
});

Deno.test("the abort of one does not end the fetch that another waits for", async () => {
  const { fetchNonce, state, waiting } = source();
  const pool = noncePool(fetchNonce, fakeClock());
  const controller = new AbortController();
  const left = assertRejects(() => pool.take({ signal: controller.signal }), Error, "enough");
  const stays = pool.take(call);
  controller.abort(new Error("enough"));
  await left;
  assertEquals(state.aborted, 0);
  waiting[0]?.resolve("a");
  assertEquals((await stays).nonce, "a");
});

Deno.test("a new request does not hang on a fetch that was given up", async () => {
  const { fetchNonce, waiting } = source();
  const pool = noncePool(fetchNonce, fakeClock());
  const controller = new AbortController();
  const left = assertRejects(() => pool.take({ signal: controller.signal }), Error, "enough");
  controller.abort(new Error("enough"));
  const next: Promise<NonceTurn> = pool.take(call);
  await left;
  waiting[1]?.resolve("b");
  assertEquals((await next).nonce, "b");
});
