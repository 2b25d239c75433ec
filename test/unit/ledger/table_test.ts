import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { memoryLedger } from "../../../src/ledger/memory_ledger.ts";
import { joinId, table } from "../../../src/ledger/table.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import { instant, object, text, url } from "../../../src/model/shape.ts";
import { fakeClock } from "../../support/fake_clock.ts";

interface Visit {
  readonly who: string;
  readonly where: URL;
  readonly at: Date;
}

const call = { signal: new AbortController().signal };
const VISIT: Visit = { who: "a", where: new URL("https://a.test/ü"), at: new Date("2026-01-01T00:00:00.001Z") };

function readVisit(json: unknown): Visit {
  const it = object(json, "visit");
  return { who: text(it, "who"), where: url(it, "where"), at: instant(it, "at") };
}

Deno.test("table() gives records back with their dates, URLs and versions", async () => {
  await using ledger = memoryLedger(fakeClock());
  const visits = table(ledger, "visits", readVisit);
  const version = await visits.put("x/y", VISIT, call);
  assertEquals(await visits.get("x/y", call), { value: VISIT, version });
  assertEquals(await visits.get("x", call), undefined);
  assertEquals((await ledger.get("visits/x/y", call))?.value, {
    who: "a",
    where: "https://a.test/%C3%BC",
    at: "2026-01-01T00:00:00.001Z",
  });
});

Deno.test("table() tells the ids of records that change or go", async () => {
  await using ledger = memoryLedger(fakeClock());
  const visits = table(ledger, "visits", readVisit);
  const control = new AbortController();
  const changes = visits.watch({ signal: control.signal })[Symbol.asyncIterator]();
  await visits.put("x/y", VISIT, call);
  await table(ledger, "visits_of_others", readVisit).put("z", VISIT, call);
  await visits.remove("x/y", call);
  assertEquals([(await changes.next()).value, (await changes.next()).value], ["x/y", "x/y"]);
  control.abort();
  assertEquals((await changes.next()).done, true);
});

Deno.test("table() passes ifVersion on", async () => {
  await using ledger = memoryLedger(fakeClock());
  const visits = table(ledger, "visits", readVisit);
  const version = await visits.put("x", VISIT, { ...call, ifVersion: 0 });
  await assertRejects(() => visits.put("x", VISIT, { ...call, ifVersion: 0 }), SidecarError, "visits/x");
  await visits.put("x", VISIT, { ...call, ifVersion: version });
});

Deno.test("table() lists its own records by id, and removes them", async () => {
  await using ledger = memoryLedger(fakeClock());
  const visits = table(ledger, "visits", readVisit);
  await table(ledger, "visits2", readVisit).put("other", VISIT, call);
  for (const id of ["b", "a/1", "a"]) await visits.put(id, { ...VISIT, who: id }, call);
  assertEquals((await visits.list(call)).map((it) => [it.id, it.value.who]), [["a", "a"], ["a/1", "a/1"], ["b", "b"]]);
  await visits.remove("a", call);
  await visits.remove("nobody", call);
  assertEquals((await visits.list(call)).map((it) => it.id), ["a/1", "b"]);
});

Deno.test("table() lists what is there, whatever was written, replaced and removed between two lists, by others too", async () => {
  const edit = fc.record({
    id: fc.constantFrom("a", "b", "c/d", "e"),
    who: fc.option(fc.string(), { nil: undefined }),
  });
  const rounds = fc.array(fc.array(edit, { maxLength: 4 }), { maxLength: 6 });
  await fc.assert(fc.asyncProperty(rounds, async (rounds) => {
    await using ledger = memoryLedger(fakeClock());
    const [ours, theirs] = [table(ledger, "visits", readVisit), table(ledger, "visits", readVisit)];
    const there = new Map<string, string>();
    for (const edits of rounds) {
      for (const { id, who } of edits) {
        if (who === undefined) await theirs.remove(id, call);
        else await theirs.put(id, { ...VISIT, who }, call);
        if (who === undefined) there.delete(id);
        else there.set(id, who);
      }
      const listed = await ours.list(call);
      assertEquals(listed.map((it) => [it.id, it.value.who]), [...there].sort(([a], [b]) => a < b ? -1 : 1));
      for (const { id, version } of listed) assertEquals((await theirs.get(id, call))?.version, version);
    }
  }));
});

Deno.test("table() lists each record by reading it once; from a ledger that does not tell what is new it reads all", async () => {
  await using ledger = memoryLedger(fakeClock());
  let reads = 0;
  const visits = table(ledger, "visits", (json) => (reads++, readVisit(json)));
  for (const id of ["a", "b", "c"]) await visits.put(id, VISIT, call);
  await visits.list(call);
  reads = 0;
  await ledger.put("visits/b", { ...VISIT, where: VISIT.where.href, at: VISIT.at.toISOString() }, call);
  await visits.list(call);
  assertEquals(reads, 1);
  const { news: _news, ...plain } = ledger;
  const others = table(plain, "visits", readVisit);
  for (const expected of [["a", "b", "c"], ["a", "c"]]) {
    assertEquals((await others.list(call)).map((it) => it.id), expected);
    await visits.remove("b", call);
  }
});

Deno.test("table() says key and field of an entry that is damaged, in get and in list", async () => {
  await using ledger = memoryLedger(fakeClock());
  const visits = table(ledger, "visits", readVisit);
  await visits.put("good", VISIT, call);
  await ledger.put("visits/bad", { who: "a", where: 7, at: "" }, call);
  for (const read of [() => visits.get("bad", call), () => visits.list(call)]) {
    const error = await assertRejects(read, SidecarError, 'entry visits/bad: "where" is number');
    assertEquals(error.code, "VAULT_UNAVAILABLE");
  }
});

Deno.test("table() does not write what it could not read again", async () => {
  await using ledger = memoryLedger(fakeClock());
  const visits = table(ledger, "visits", readVisit);
  const bad = { ...VISIT, at: new Date(NaN) };
  await assertRejects(() => visits.put("x", bad, call), TypeError, 'visits/x: "at"');
  assertEquals(await visits.list(call), []);
});

Deno.test("joinId() gives different parts different ids, without a slash of theirs", () => {
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom("infra/lb", "infra%2Flb", "..", "a/", "/a", "https://ca.test/a?b"),
  );
  fc.assert(fc.property(fc.array(part, { minLength: 2, maxLength: 2 }), fc.array(part, { maxLength: 3 }), (a, b) => {
    const id = joinId(...a);
    assertEquals(id.split("/").map(decodeURIComponent), a);
    assert(a.join("\0") === b.join("\0") || b.length === 0 || id !== joinId(...b));
  }));
});
