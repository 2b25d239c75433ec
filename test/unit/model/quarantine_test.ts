import { assert, assertEquals, assertMatch } from "@std/assert";
import { type DnsName, parseDnsName } from "../../../src/model/dns_name.ts";
import type { Problem, Subproblem } from "../../../src/model/problem.ts";
import { heldBy, isHeldBack, nameFailed, namesBlamed, nameText } from "../../../src/model/quarantine.ts";
import type { NameRecord, NameRest, OrderStep } from "../../../src/model/records.ts";

const NOW = new Date("2026-06-01T00:00:00Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const DIRECTORY = new URL("https://ca.test/directory");
const PORTAL = new URL("https://portal.test/sfe/v1/unpause?jwt=x");
const [A, B, STAR] = ["a.example", "b.example", "*.a.example"].map((it) => parseDnsName(it)) as [
  DnsName,
  DnsName,
  DnsName,
];

function problem(type: string, detail?: string, subproblems: readonly Subproblem[] = []): Problem {
  return { type: `urn:ietf:params:acme:error:${type}`, ...(detail === undefined ? {} : { detail }), subproblems };
}

function fail(type: string, failures: number, page?: URL, random = 0.5): NameRecord | undefined {
  const failure = { name: A, problem: problem(type, "no"), ...(page === undefined ? {} : { page }) };
  return nameFailed({ failures: failures - 1 }, failure, { directory: DIRECTORY, now: NOW, random });
}

function restOf(record: NameRecord | undefined): string {
  if (record === undefined) return "no fault of it";
  return "until" in record ? `${record.state} ${(+record.until - +NOW) / MINUTE}` : record.state;
}

for (
  const [type, failures, page, expected] of [
    ["unauthorized", 1, undefined, "failing"],
    ["connection", 2, undefined, "failing"],
    ["unauthorized", 3, undefined, "resting 60"],
    ["dns", 4, undefined, "resting 120"],
    ["unauthorized", 5, undefined, "resting 240"],
    ["unauthorized", 6, undefined, "resting 360"],
    ["unauthorized", 1000, undefined, "resting 360"],
    ["caa", 1, undefined, "resting 60"],
    ["caa", 2, undefined, "resting 120"],
    ["rejectedIdentifier", 1, undefined, "refused"],
    ["unsupportedIdentifier", 1, undefined, "refused"],
    ["rateLimited", 1, PORTAL, "paused 1512"],
    ["rateLimited", 9, PORTAL, "paused 1512"],
    ["rateLimited", 1, new URL("https://ca.test/docs/rate-limits"), "no fault of it"],
    ["serverInternal", 3, undefined, "no fault of it"],
    ["constructor", 1, undefined, "failing"],
  ] as const
) {
  Deno.test(`nameFailed(): failure ${failures}, ${type}${page === undefined ? "" : ` with ${page.pathname}`}: ${expected}`, () => {
    assertEquals(restOf(fail(type, failures, page)), expected);
  });
}

Deno.test("nameFailed() lets a name rest at least 54 minutes, and a pause a whole day, whatever chance says", () => {
  for (const random of [0, 0.999]) {
    for (let failures = 3; failures < 40; failures++) {
      const record = fail("unauthorized", failures, undefined, random);
      assert(record?.state === "resting" && +record.until - +NOW >= 54 * MINUTE);
    }
    const paused = fail("rateLimited", 1, PORTAL, random);
    assert(paused?.state === "paused" && +paused.until - +NOW >= DAY);
  }
});

Deno.test("nameFailed() counts from one, and keeps the CA's words and its page", () => {
  const failure = { name: A, problem: problem("caa", "CAA forbids"), page: PORTAL };
  const record = nameFailed(undefined, failure, { directory: DIRECTORY, now: NOW, random: 0.5 });
  const { failures, problem: type, detail, page, lastAt } = record!;
  assertEquals([failures, type, detail, page, lastAt], [1, "caa", "CAA forbids", PORTAL, NOW]);
});

const sub = (identifier: string, type = "rejectedIdentifier"): Subproblem => ({ ...problem(type, "no"), identifier });

for (
  const [why, refusal, pages, names, expected] of [
    ["subproblems name theirs", problem("compound", "x", [sub("b.example"), sub("c.example")]), [], [A, B], [B]],
    [
      "a subproblem that is the CA's own trouble blames nobody",
      problem("compound", "x", [sub("a.example", "serverInternal"), sub("b.example", "caa")]),
      [],
      [A, B],
      [B],
    ],
    ["a star in a subproblem is kept", problem("compound", "x", [sub("*.a.example")]), [], [A, STAR], [STAR]],
    ["without the star it is the wildcard's where there is no other", problem("caa", "x", [sub("a.example")]), [], [
      STAR,
    ], [STAR]],
    ["the text names one", problem("rejectedIdentifier", 'Cannot issue for "b.example": no'), [], [A, B], [B]],
    ["the only name needs no naming", problem("rejectedIdentifier", "no"), [], [A], [A]],
    ["of several names nobody is blamed without a word", problem("rejectedIdentifier", "no"), [], [A, B], []],
    ["other refusals are about the order", problem("malformed", "a.example is odd"), [], [A], []],
    [
      "a limit is nobody's fault",
      problem("rateLimited", "too many for a.example"),
      [
        new URL("https://ca.test/docs/"),
      ],
      [A],
      [],
    ],
    ["a pause is about whom it names", problem("rateLimited", `prevented for a.example. See ${PORTAL}.`), [], [A, B], [
      A,
    ]],
    ["a pause that names nobody is about all", problem("rateLimited", "prevented"), [PORTAL], [A, B], [A, B]],
  ] as const
) {
  Deno.test(`namesBlamed(): ${why}`, () => {
    assertEquals(namesBlamed({ problem: refusal, pages }, names).map((it) => it.name), [...expected]);
  });
}

Deno.test("namesBlamed() finds the page that ends a pause, before others and in the text alone", () => {
  const docs = new URL("https://ca.test/docs/limits");
  const pages = (detail: string, pages: readonly URL[]): readonly (URL | undefined)[] =>
    namesBlamed({ problem: problem("rateLimited", detail), pages }, [A]).map((it) => it.page);
  assertEquals(pages("prevented", [docs, PORTAL]), [PORTAL]);
  assertEquals(pages(`prevented. Please visit: ${PORTAL}.`, [docs]), [PORTAL]);
});

function record(name: DnsName, rest: NameRest, lastAt = NOW): NameRecord {
  return { directory: DIRECTORY, name, failures: 3, problem: "dns", detail: "no", lastAt, ...rest };
}
const later = (ms: number): Date => new Date(NOW.getTime() + ms);
const known = (...records: readonly NameRecord[]): ReadonlyMap<DnsName, NameRecord> =>
  new Map(records.map((it) => [it.name, it]));

for (
  const [why, records, expected] of [
    ["who rests holds until then", [record(A, { state: "resting", until: later(HOUR) })], [1, later(HOUR)]],
    ["the longest rest counts", [
      record(A, { state: "resting", until: later(HOUR) }),
      record(B, { state: "paused", until: later(DAY) }),
    ], [2, later(DAY)]],
    ["who is refused holds for good", [
      record(A, { state: "resting", until: later(HOUR) }),
      record(B, { state: "refused" }),
    ], [2, undefined]],
    ["who only fails does not hold", [record(A, { state: "failing" })], undefined],
    ["a rest ends", [record(A, { state: "resting", until: NOW })], undefined],
    ["another's rest does not count", [record(STAR, { state: "refused" })], undefined],
    ["a clock that was wrong holds nobody", [
      record(A, { state: "resting", until: later(900 * DAY) }, later(899 * DAY)),
    ], undefined],
  ] as const
) {
  Deno.test(`heldBy(): ${why}`, () => {
    const hold = heldBy([A, B], known(...records), NOW);
    assertEquals(hold === undefined ? undefined : [hold.names.length, hold.until], expected as unknown);
  });
}

for (
  const [step, rest, expected] of [
    ["intended", { state: "refused" }, true],
    ["ordered", { state: "resting", until: later(HOUR) }, true],
    ["finalizing", { state: "resting", until: later(HOUR) }, true],
    ["finalizing", { state: "refused" }, false],
    ["issued", { state: "paused", until: later(HOUR) }, false],
    ["ordered", { state: "failing" }, false],
  ] as const satisfies readonly (readonly [OrderStep, NameRest, boolean])[]
) {
  Deno.test(`isHeldBack() is ${expected} for an order that is ${step} while its name is ${rest.state}`, () => {
    assertEquals(isHeldBack({ names: [A], step }, known(record(A, rest)), NOW), expected);
  });
}

Deno.test("nameText() says how often, why, until when and which page to open", () => {
  const paused = { ...record(A, { state: "paused", until: later(DAY) }), page: PORTAL };
  assertMatch(nameText(paused), /a\.example.*3 times in a row: no \(dns\).*open https:\/\/portal\.test\S* then.*06-02/);
  const refused = record(A, { state: "refused" });
  assertMatch(nameText({ ...refused, failures: 1 }), /once: no \(dns\); it is not asked for by itself any more/);
  assertMatch(nameText(record(A, { state: "resting", until: later(HOUR) })), /rests until 2026-06-01T01:00:00Z/);
});
