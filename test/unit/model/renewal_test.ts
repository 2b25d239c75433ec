import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import type { CertificateRecord } from "../../../src/model/records.ts";
import {
  drawRenewal,
  isRecalled,
  renewalDate,
  type RenewalDraw,
  renewalTimes,
  type RenewalWindow,
  renewalWindow,
} from "../../../src/model/renewal.ts";
import {
  drawOf,
  isAskDue,
  renewalAnswered,
  type RenewalRecord,
  renewalUnanswered,
} from "../../../src/model/renewal_record.ts";
import { defaultSecretName } from "../../../src/model/secret_name.ts";

const DAY = 86_400_000;
const HOUR = 3_600_000;
const MINUTE = 60_000;
const SECOND = 1_000;
const NOW = new Date("2026-06-01T00:00:00Z");
const at = (ms: number): Date => new Date(NOW.getTime() + ms);
const windowAt = (start: number, end: number): RenewalWindow => ({ start: at(start), end: at(end) });
const draw = (window: RenewalWindow, random: number, known?: RenewalDraw): Date =>
  drawRenewal(known, window, { now: NOW, random, delayMs: 0 }).at;

for (
  const [start, end, random, expected, why] of [
    [10 * DAY, 11 * DAY, 0, 10 * DAY + MINUTE, "a minute after the start at the earliest"],
    [10 * DAY, 12 * DAY, 1, 12 * DAY - 12 * HOUR, "twelve hours before the end at the latest"],
    [10 * HOUR, 14 * HOUR, 1, 12 * HOUR, "in the first half of a narrow window"],
    [0, MINUTE, 0, MINUTE / 4, "after a quarter where a minute's lead is too much"],
    [0, 1, 0.99, 0, "inside a window of a millisecond"],
    [-2 * DAY, DAY, 0, -2 * DAY + MINUTE, "in the past, so at once, where the window is open already"],
    [-2 * DAY, -DAY, 0.7, 0, "now where the window is over"],
    [-DAY, 0, 0.7, 0, "now where the window ends this very instant"],
  ] as const
) {
  Deno.test(`drawRenewal() draws ${why}`, () => {
    assertEquals(draw(windowAt(start, end), random), at(expected));
  });
}

Deno.test("drawRenewal() keeps what it drew while the window is the same, and draws again when it changes", () => {
  const window = windowAt(10 * DAY, 11 * DAY);
  const known = { window, at: draw(window, 0.25) };
  assertEquals(draw(windowAt(10 * DAY, 11 * DAY), 0.75, known), known.at);
  for (const other of [windowAt(10 * DAY + 1_000, 11 * DAY), windowAt(10 * DAY, 11 * DAY - 1_000)]) {
    assertEquals(draw(other, 0.75, known), draw(other, 0.75));
  }
});

Deno.test("drawRenewal() draws inside any window that is not over, late enough, and in the same place by the same chance", () => {
  const widths = fc.integer({ min: 1, max: 400 * DAY });
  fc.assert(
    fc.property(
      fc.integer({ min: -DAY, max: 400 * DAY }),
      widths,
      fc.double({ min: 0, max: 0.999999 }),
      (start, width, random) => {
        fc.pre(start + width > 0);
        const window = windowAt(start, start + width);
        const drawn = drawRenewal(undefined, window, { now: NOW, random, delayMs: 0 });
        assert(drawn.at >= window.start && drawn.at < window.end);
        assert(width < 4 * MINUTE || drawn.at.getTime() >= window.start.getTime() + MINUTE);
        assert(!isRecalled(drawn));
        assertEquals(draw(window, random), drawn.at);
      },
    ),
    { seed: 9773 },
  );
});

Deno.test("renewalWindow() makes none whose end is not after its start", () => {
  assertEquals(renewalWindow(at(0), at(1)), windowAt(0, 1));
  for (const end of [at(0), at(-1), new Date(NaN)]) assertEquals(renewalWindow(at(0), end), undefined);
  assertEquals(renewalWindow(new Date(NaN), at(0)), undefined);
});

const VALIDITY = { notBefore: at(0), notAfter: at(90 * DAY) };
for (
  const [window, drawn, expected, why] of [
    [undefined, undefined, 60 * DAY, "lifetime"],
    [windowAt(59 * DAY, 61 * DAY), 60.5 * DAY, 60.5 * DAY, "window"],
    [windowAt(20 * DAY, 21 * DAY), 20.5 * DAY, 20.5 * DAY, "window"],
    [windowAt(84 * DAY, 86 * DAY), 85.5 * DAY, 85.5 * DAY, "window"],
    [windowAt(84 * DAY, 89 * DAY), 85.6 * DAY, 85.5 * DAY, "emergency"],
    [windowAt(400 * DAY, 401 * DAY), 400.5 * DAY, 85.5 * DAY, "emergency"],
    [windowAt(-2 * DAY, -1 * DAY), 5 * DAY, 5 * DAY, "recalled"],
    [windowAt(-2 * DAY, -1 * DAY), 100 * DAY, 85.5 * DAY, "recalled"],
  ] as const
) {
  Deno.test(`renewalDate() of ${drawn === undefined ? "no window" : `a draw on day ${drawn / DAY}`} is day ${expected / DAY} by ${why}`, () => {
    const known = window === undefined ? undefined : { window, at: at(drawn) };
    assertEquals(renewalDate(VALIDITY, known), { at: at(expected), why });
  });
}

Deno.test("renewalDate() leaves the backstop aside where the CA has named a window, before it or after it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 84 }), fc.double({ min: 0, max: 0.99 }), (day, random) => {
      const window = windowAt(day * DAY, day * DAY + 6 * HOUR);
      const known = { window, at: draw(window, random) };
      const date = renewalDate(VALIDITY, known);
      assertEquals(date, { at: known.at, why: "window" });
    }),
    { seed: 9773 },
  );
});

Deno.test("F-128: renewalTimes() counts with the certificate's own lifetime, whatever its predecessor's was", () => {
  const left = [90, 64, 45, 9].map((days) => {
    const { renewAt } = renewalTimes({ notBefore: at(0), notAfter: at(days * DAY) });
    return days - (renewAt.getTime() - NOW.getTime()) / DAY;
  });
  assertEquals(left.map((it) => Math.round(it * 100) / 100), [30, 21.33, 15, 4.5]);
});

Deno.test("F-119: renewalDate() counts in instants, so that neither summer time nor a time zone moves it", () => {
  const texts = ["2026-03-28T23:30:00Z", "2026-03-29T01:30:00+02:00", "2026-03-28T18:30:00-05:00"];
  const dates = texts.map((text) =>
    renewalDate({ notBefore: new Date(text), notAfter: new Date(Date.parse(text) + 90 * DAY) }, undefined).at
      .toISOString()
  );
  assertEquals(dates, Array(3).fill("2026-05-27T23:30:00.000Z"));
});

const CERT_ID = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE";
const NAME = parseDnsName("a.example");
const URL_ = new URL("https://ca.test/1");

function certificate(changes: { readonly certId?: string; readonly notAfter?: Date } = {}): CertificateRecord {
  return {
    origin: "ca",
    intent: {
      names: [NAME],
      keyType: "ec-256",
      secretName: defaultSecretName(NAME),
      certType: "fullchain",
      balancers: [],
    },
    facts: {
      subject: "",
      issuer: "",
      names: [NAME],
      serial: "01",
      ...VALIDITY,
      fingerprint: "",
      certId: CERT_ID,
      ...changes,
    },
    directory: URL_,
    account: URL_,
    order: URL_,
    storedAt: NOW,
  };
}

const ASKED: RenewalRecord = { certId: CERT_ID, askedAt: NOW, askAt: at(6 * HOUR), failures: 0, recalls: 0 };
const { certId: _, ...ANONYMOUS } = certificate().facts;

for (
  const [record, known, now, expected, why] of [
    [certificate(), undefined, 0, true, "once after it was issued"],
    [certificate(), { ...ASKED, certId: "another.one" }, 0, true, "anew for another certificate of the same name"],
    [certificate(), ASKED, 6 * HOUR - 1, false, "not before the time that the CA gave"],
    [certificate(), ASKED, 6 * HOUR, true, "when that time has come"],
    [certificate(), ASKED, -DAY, true, "where the last question lies in the future: a clock was wrong"],
    [certificate(), undefined, 90 * DAY, false, "not when it has expired"],
    [certificate(), undefined, 90 * DAY - 1, true, "until it has"],
    [{ ...certificate(), revoked: { at: NOW, reason: "superseded" } }, undefined, 0, false, "not when it was revoked"],
    [{ ...certificate(), facts: ANONYMOUS }, undefined, 0, false, "not when it has no name there"],
    [{ ...certificate(), origin: "imported" }, undefined, 0, false, "not when it came from elsewhere"],
  ] as readonly (readonly [CertificateRecord, RenewalRecord | undefined, number, boolean, string])[]
) {
  Deno.test(`isAskDue(): the CA is asked ${why}`, () => {
    assertEquals(isAskDue(record, known, at(now)), expected);
  });
}

const WINDOW = windowAt(59 * DAY, 61 * DAY);
const MOMENT = { now: NOW, random: 0.5 };

Deno.test("renewalAnswered() keeps the draw, the page and the time of the next question", () => {
  const page = new URL("https://ca.test/why");
  const first = renewalAnswered(
    CERT_ID,
    undefined,
    { window: WINDOW, explanationUrl: page, askAfterMs: 6 * HOUR },
    MOMENT,
  );
  assertEquals(first.draw?.explanationUrl, page);
  assertEquals(first.askAt, at(6 * HOUR + 2.5 * MINUTE + 2 * SECOND));
  const second = renewalAnswered(CERT_ID, first, { window: WINDOW, askAfterMs: HOUR }, { now: at(DAY), random: 0.9 });
  assertEquals(second.draw, { window: WINDOW, at: first.draw!.at });
});

Deno.test("Retry-After binds although the CA's clock is known to the second only", () => {
  const late = { now: at(-999), random: 0 }; // in truth it is NOW; the next look knows it
  for (
    const { askAt } of [
      renewalAnswered(CERT_ID, undefined, { askAfterMs: HOUR }, late),
      renewalUnanswered(CERT_ID, undefined, HOUR, late),
    ]
  ) assert(askAt >= at(HOUR), askAt.toISOString());
});

Deno.test("renewalAnswered() leaves the window that is known where an answer has none, and forgets a predecessor's", () => {
  const known = renewalAnswered(CERT_ID, undefined, { window: WINDOW, askAfterMs: HOUR }, MOMENT);
  assertEquals(renewalAnswered(CERT_ID, known, { askAfterMs: HOUR }, MOMENT).draw, known.draw);
  assertEquals(renewalAnswered(CERT_ID, known, undefined, MOMENT).draw, known.draw);
  assertEquals(renewalAnswered("another.one", known, undefined, MOMENT).draw, undefined);
  assertEquals(drawOf(certificate({ certId: "another.one" }), known), undefined);
});

Deno.test("renewalUnanswered() asks again after 1, 2, 4 … minutes, then each six hours, and never before Retry-After", () => {
  let record: RenewalRecord | undefined;
  const minutes = Array.from({ length: 12 }, () => {
    record = renewalUnanswered(CERT_ID, record, undefined, MOMENT);
    return (record.askAt.getTime() - NOW.getTime()) / MINUTE;
  });
  assertEquals(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]);
  assertEquals(renewalUnanswered(CERT_ID, undefined, 2 * DAY, MOMENT).askAt, at(2 * DAY + 2 * SECOND));
  assertEquals(renewalAnswered(CERT_ID, record, { askAfterMs: HOUR }, MOMENT).failures, 0);
});

Deno.test("renewalAnswered() has each further certificate that is recalled at once wait longer", () => {
  const past = { window: windowAt(-2 * DAY, -DAY), askAfterMs: HOUR };
  let record: RenewalRecord | undefined;
  const waits = ["a.1", "a.2", "a.3", "a.4"].map((certId) => {
    record = renewalAnswered(certId, record, past, MOMENT);
    return (record.draw!.at.getTime() - NOW.getTime()) / MINUTE;
  });
  assertEquals(waits, [0, 1, 5, 10]);
  const quiet = renewalAnswered("a.5", record, { window: WINDOW, askAfterMs: HOUR }, MOMENT);
  assertEquals(renewalAnswered("a.6", quiet, past, MOMENT).draw?.at, NOW);
});
