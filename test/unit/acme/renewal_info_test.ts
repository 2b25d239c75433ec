import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { acmeAuthority } from "../../../src/acme/authority.ts";
import { readRenewalInfo } from "../../../src/acme/renewal_info.ts";
import type { Answer } from "../../../src/acme/transport.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import type { CertificateAuthority } from "../../../src/ports.ts";
import { BASE, DIRECTORY, problem, reply, type RoutedCa, routes } from "../../support/acme_routes.ts";
import { fakeClock } from "../../support/fake_clock.ts";
import { CALL } from "../../support/fakes.ts";

const HOUR = 3_600_000;
const AT = new Date("2026-06-01T12:00:00Z");

function answer(body: unknown, headers: Record<string, string> = {}, status = 200): Answer {
  return {
    url: new URL(`${BASE}/renewal/a.b`),
    status,
    headers: new Headers({ "content-type": "application/json", ...headers }),
    text: typeof body === "string" ? body : JSON.stringify(body),
    at: AT,
  };
}

const START = "2026-07-01T00:00:00Z";
const END = "2026-07-02T00:00:00Z";
const GOOD = { suggestedWindow: { start: START, end: END } };
const WINDOW = { start: new Date(START), end: new Date(END) };

for (
  const [body, why] of [
    [GOOD, "to the second"],
    [{ suggestedWindow: { start: "2026-07-01T00:00:00.000Z", end: "2026-07-02T00:00:00.000Z" } }, "to the millisecond"],
    [{ suggestedWindow: { start: "2026-07-01T02:00:00+02:00", end: "2026-07-01T20:00:00-04:00" } }, "in other zones"],
    [{ ...GOOD, somethingElse: 1 }, "with a field that nobody knows"],
    [{ ...GOOD, explanationURL: "javascript:alert(1)" }, "with a page that is none"],
    [{ ...GOOD, explanationURL: 7 }, "with a page that is no text"],
  ] as const
) {
  Deno.test(`readRenewalInfo() reads a window ${why}`, () => {
    assertEquals(readRenewalInfo(answer(body)), { window: WINDOW, askAfterMs: 6 * HOUR });
  });
}

Deno.test("readRenewalInfo() reads the page that explains the window", () => {
  const { explanationUrl } = readRenewalInfo(answer({ ...GOOD, explanationURL: "https://ca.example/why?x=1" }));
  assertEquals(explanationUrl, new URL("https://ca.example/why?x=1"));
});

for (
  const [found, why] of [
    [answer({ suggestedWindow: { start: END, end: START } }), "an end before the start"],
    [answer({ suggestedWindow: { start: START, end: START } }), "an end at the start"],
    [answer({ suggestedWindow: { start: START } }), "no end"],
    [answer({ suggestedWindow: { start: "soon", end: END } }), "a start that is no time"],
    [answer({ suggestedWindow: [START, END] }), "a list for a window"],
    [answer({}), "no window"],
    [answer([]), "a list"],
    [answer("{"), "JSON that is cut off"],
    [answer("", { "content-type": "text/html" }), "a page in place of JSON"],
    [answer(GOOD, {}, 404), "404"],
    [answer("", { "content-type": "text/html" }, 404), "404 with a page"],
    [answer({ type: "about:blank" }, {}, 400), "400"],
    [answer("", {}, 301), "a redirect"],
  ] as const
) {
  Deno.test(`F-122: readRenewalInfo() takes ${why} for an answer without a window, good for six hours`, () => {
    assertEquals(readRenewalInfo(found), { askAfterMs: 6 * HOUR });
  });
}

for (const status of [408, 429, 500, 502, 503]) {
  Deno.test(`F-122: readRenewalInfo() throws at ${status}, as the CA can be asked again soon`, () => {
    const error = assertThrows(() => readRenewalInfo(answer({}, { "retry-after": "120" }, status)), SidecarError);
    assertEquals(error.retryAt, new Date(AT.getTime() + 120_000));
  });
}

for (
  const [value, expected] of [
    ["1", 60_000],
    ["21600", 6 * HOUR],
    ["864000", 24 * HOUR],
    ["Mon, 01 Jun 2026 15:00:00 GMT", 3 * HOUR],
    ["Fri, 01 Jan 2100 00:00:00 GMT", 24 * HOUR],
    ["Mon, 01 Jun 2026 11:00:00 GMT", 60_000],
    ["later", 6 * HOUR],
  ] as const
) {
  Deno.test(`F-122: readRenewalInfo() takes a Retry-After of ${value} for ${expected / 60_000} min`, () => {
    assertEquals(readRenewalInfo(answer(GOOD, { "retry-after": value })).askAfterMs, expected);
  });
}

for (
  const [headers, expected, why] of [
    [{ date: "Mon, 01 Jun 2026 12:10:00 GMT" }, 600_000, "is ahead"],
    [{ date: "Mon, 01 Jun 2026 11:50:00 GMT" }, -600_000, "is behind"],
    [{ date: "Mon, 01 Jun 2026 12:00:01 GMT" }, 0, "is the same but for what a Date cannot say"],
    [{ date: "Mon, 01 Jun 2026 11:50:00 GMT", age: "600" }, 0, "was kept by a cache"],
    [{}, undefined, "does not say"],
    [{ date: "now" }, undefined, "says nonsense"],
  ] as const
) {
  Deno.test(`readRenewalInfo() compares the clocks: the CA's ${why}`, () => {
    assertEquals(readRenewalInfo(answer(GOOD, headers)).clockOffsetMs, expected);
  });
}

function bench(table: Parameters<typeof routes>[0], directory: Readonly<Record<string, unknown>>): {
  readonly ca: RoutedCa;
  readonly authority: CertificateAuthority;
} {
  const ca = routes({ "GET /directory": reply(200, { ...DIRECTORY, ...directory }), ...table });
  const never = new AbortController().signal;
  return {
    ca,
    authority: acmeAuthority({
      directory: new URL(`${BASE}/directory`),
      fetch: ca.fetch,
      clock: fakeClock(AT),
      userAgent: "test/1",
      deadline: () => never,
    }),
  };
}

for (
  const [listed, path] of [
    [`${BASE}/renewal`, "/renewal/a.b"],
    ["/renewal/", "/renewal/a.b"],
    [`${BASE}/draft-03/renewalInfo`, "/draft-03/renewalInfo/a.b"],
  ] as const
) {
  Deno.test(`renewalInfo() asks by a plain GET below ${listed}`, async () => {
    const { ca, authority } = bench({ [`GET ${path}`]: reply(200, GOOD) }, { renewalInfo: listed });
    assertEquals((await authority.renewalInfo("a.b", CALL))?.window, WINDOW);
    assertEquals(ca.lines(), ["GET /directory", `GET ${path}`]);
    assertEquals((await authority.about(CALL)).renewalInfo, true);
  });
}

for (
  const [why, directory] of [
    ["lists none", {}],
    ["lists it on another host", { renewalInfo: "https://elsewhere.example/renewal" }],
    ["lists something else", { renewalInfo: 7 }],
  ] as const
) {
  Deno.test(`renewalInfo() asks nothing where the directory ${why}`, async () => {
    const { ca, authority } = bench({}, directory);
    assertEquals(await authority.renewalInfo("a.b", CALL), undefined);
    assertEquals([ca.lines(), (await authority.about(CALL)).renewalInfo], [["GET /directory"], undefined]);
  });
}

Deno.test("renewalInfo() asks once, whatever comes", async () => {
  const { ca, authority } = bench({ "GET /renewal/a.b": problem(500, "serverInternal") }, { renewalInfo: "/renewal" });
  await assertRejects(() => authority.renewalInfo("a.b", CALL), SidecarError);
  assertEquals(ca.lines(), ["GET /directory", "GET /renewal/a.b"]);
});

Deno.test("clockOffsetMs() asks the directory each time, whatever it answers", async () => {
  const date = "Mon, 01 Jun 2026 12:10:00 GMT";
  const { ca, authority } = bench({ "GET /directory": [reply(503, null, { date }), reply(200, DIRECTORY)] }, {});
  assertEquals(await authority.clockOffsetMs(CALL), 600_000);
  assertEquals(await authority.clockOffsetMs(CALL), undefined);
  assertEquals(ca.lines(), ["GET /directory", "GET /directory"]);
});
