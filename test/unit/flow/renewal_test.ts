import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { repairCertIds } from "../../../src/flow/repair.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import { isRecalled, renewalTimes } from "../../../src/model/renewal.ts";
import { CALL } from "../../support/fakes.ts";
import { declare, type RenewalStage, renewalStage, runningStage } from "../../support/renewal_stage.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SHORT = 160 * HOUR;

/** Windows that were over before they were told, as for what is revoked. */
const PAST = { start: new Date("2026-01-01T00:00:00Z"), end: new Date("2026-01-02T00:00:00Z") };
const A = declare("a.example.com");
const B = declare("b.example.com");
const C = declare("c.example.com");

/** Moves the clock to `ms` before (negative) or after the drawn instant of the name. */
async function moveTo(stage: RenewalStage, name: string, ms: number): Promise<void> {
  const drawn = (await stage.renewal(name))!.draw!.at.getTime();
  stage.it.clock.move(drawn + ms - stage.it.clock.now().getTime());
}

Deno.test("keeper asks once after it issued, and renews at the instant that it drew in the CA's window", async () => {
  const stage = await renewalStage([A]);
  await stage.look();
  assertEquals([stage.orders().length, stage.questions()], [1, 0]);
  await stage.look();
  assertEquals(stage.questions(), 1);
  const { draw } = (await stage.renewal("a.example.com"))!;
  assert(draw !== undefined && draw.at > draw.window.start && draw.at < draw.window.end);

  await moveTo(stage, "a.example.com", -1);
  await stage.look();
  assertEquals(stage.orders().length, 1);
  await moveTo(stage, "a.example.com", 0);
  await stage.look();
  assertEquals(stage.orders().length, 2);
});

Deno.test("keeper asks again when the CA said, not before, whatever restarts", async () => {
  const stage = await renewalStage([A]);
  await stage.look();
  await stage.look();
  for (let hour = 0; hour < 24; hour++) {
    await stage.restart();
    await stage.look();
    stage.it.clock.move(HOUR);
  }
  assertEquals(stage.questions(), 1 + 3);
});

Deno.test("keeper asks no CA that offers no renewal information, and renews by the lifetime", async () => {
  const stage = await renewalStage([A], { renewalInfo: false });
  await stage.look();
  await stage.pass(59 * DAY, DAY);
  assertEquals([stage.orders().length, stage.questions()], [1, 0]);
  await stage.pass(2 * DAY, DAY);
  assertEquals(stage.orders().length, 2);
});

Deno.test("keeper goes by the CA's clock: an hour ahead of ours, and it renews an hour earlier", async () => {
  const stage = await renewalStage([A]);
  stage.it.authority.setClock(HOUR);
  await stage.look();
  await stage.look();
  await moveTo(stage, "a.example.com", -HOUR - 1);
  await stage.look();
  assertEquals(stage.orders().length, 1);
  await moveTo(stage, "a.example.com", -HOUR);
  await stage.look();
  assertEquals(stage.orders().length, 2);
});

Deno.test("repairCertIds() finds the name of a certificate whose record is from before there was renewal information", async () => {
  const stage = await renewalStage([A]);
  await stage.look();
  const { records, parts } = stage.it;
  const { value } = (await records.certificates.get(A.secretName, CALL))!;
  const { certId, ...facts } = value.facts;
  await records.certificates.put(A.secretName, { ...value, facts }, CALL);

  await repairCertIds(parts, CALL);

  assertEquals((await records.certificates.get(A.secretName, CALL))?.value.facts.certId, certId);
});

Deno.test("F-116: keeper puts a certificate that has expired first in the queue, and says which one it replaces", async () => {
  const stage = await renewalStage([A], { lifetimesMs: [SHORT, 90 * DAY] });
  await stage.look();
  await stage.restart([A, B]);
  await stage.look();
  const { certId } = (await stage.it.records.certificates.get(A.secretName, CALL))!.value.facts;
  stage.it.clock.move(62 * DAY);
  await stage.restart([B, A]);

  await stage.look();

  assertEquals(stage.orders().slice(2), ["a.example.com", "b.example.com"]);
  assertEquals(stage.it.authority.orders[2]?.replaces, certId);
});

for (const [why, ms] of [["the drawn instant", 0], ["the end of the certificate", 90 * DAY]] as const) {
  Deno.test(`F-117: keeper orders once at ${why} to the millisecond, not twice`, async () => {
    const stage = await renewalStage([A]);
    await stage.look();
    await stage.look();
    const { notBefore } = (await stage.it.records.certificates.get(A.secretName, CALL))!.value.facts;
    if (ms === 0) await moveTo(stage, "a.example.com", 0);
    else stage.it.clock.move(notBefore.getTime() + ms - stage.it.clock.now().getTime());

    await Promise.all([stage.look(), stage.look()]);
    await stage.look();

    assertEquals(stage.orders().length, 2);
  });
}

Deno.test("F-117: a look that judged before another one had renewed does not order again", async () => {
  const stage = await renewalStage([A]);
  await stage.look();
  await stage.look();
  await moveTo(stage, "a.example.com", 0);
  const { renewals } = stage.it.records;
  const list = renewals.list.bind(renewals);
  const { promise: renewed, resolve: go } = Promise.withResolvers<void>();
  let looks = 0;
  Object.assign(renewals, {
    list: async (call: typeof CALL) => {
      const first = looks++ === 1; // after what the service shows of them, before the plan
      if (first) await renewed;
      return await list(call);
    },
  });
  const late = stage.look();
  while (looks < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  await stage.look();
  go();
  await late;

  assertEquals(stage.orders().length, 2);
});

Deno.test("F-117: keeper without a window renews at the very instant where a third is left, and not a millisecond before", async () => {
  const stage = await renewalStage([A], { renewalInfo: false });
  await stage.look();
  const { renewAt } = renewalTimes((await stage.it.records.certificates.get(A.secretName, CALL))!.value.facts);
  stage.it.clock.move(renewAt.getTime() - stage.it.clock.now().getTime() - 1);
  await stage.look();
  assertEquals(stage.orders().length, 1);
  stage.it.clock.move(1);
  await stage.look();
  assertEquals(stage.orders().length, 2);
});

for (
  const [why, ms] of [
    ["a day ahead", DAY],
    ["to 2106", new Date("2106-02-07T06:28:16Z").getTime() - new Date("2026-08-01T00:00:00Z").getTime()],
  ] as const
) {
  Deno.test(`F-118: a clock that is set ${why} while the keeper runs renews nothing, and is told`, async () => {
    await using stage = await runningStage([A, B]);
    await stage.pass(70_000);
    stage.suspend(59 * DAY + 12 * HOUR); // half a day before the middle of the window
    await stage.pass(70_000);
    assertEquals(stage.it.authority.issued(), 2);

    stage.setClock(ms);
    await stage.pass(140_000);

    assertEquals(stage.it.authority.issued(), 2);
    const names = stage.it.events.map((it) => it.name);
    assert(names.filter((it) => it === "clock.jumped").length >= 2 && names.includes("clock.skewed"), names.join(" "));
  });
}

for (
  const [why, ms] of [
    ["a day back", -DAY],
    ["to 1970", -new Date("2026-08-01T00:00:00Z").getTime()],
  ] as const
) {
  Deno.test(`F-118: a clock that is set ${why} while the keeper runs holds up no renewal`, async () => {
    await using stage = await runningStage([A]);
    await stage.pass(70_000);
    stage.suspend(59 * DAY);
    await stage.pass(70_000);
    stage.setClock(ms);
    await stage.pass(70_000);
    assertEquals(stage.it.authority.issued(), 1);

    stage.suspend(DAY);
    await stage.pass(140_000);

    assertEquals(stage.it.authority.issued(), 2);
  });
}

Deno.test("F-118: what a clock that was wrong wrote down about failures holds up no attempt", async () => {
  const stage = await renewalStage([declare("bad.example.com")], { failing: ["bad.example.com"] });
  stage.it.clock.move(365 * DAY);
  await stage.look();
  stage.it.clock.move(-365 * DAY);
  await stage.look();
  assertEquals(stage.orders().length, 2);
});

Deno.test("F-120: a machine that was suspended for three days across the window renews as soon as it wakes", async () => {
  await using stage = await runningStage([A]);
  await stage.pass(70_000);
  stage.suspend(58 * DAY);
  await stage.pass(70_000);
  assertEquals(stage.it.authority.issued(), 1);

  stage.suspend(3 * DAY);
  await stage.pass(45_000);

  assertEquals(stage.it.authority.issued(), 2);
  const jump = stage.it.events.findLast((it) => it.name === "clock.jumped");
  assertEquals(jump?.fields, { seconds: 3 * 86_400 });
});

Deno.test("F-121: a window that moved into the past is renewed at once, before all others", async () => {
  const stage = await renewalStage([A, B], { lifetimesMs: [90 * DAY, 80 * DAY] });
  await stage.look();
  await stage.look();
  stage.it.clock.move(7 * HOUR);
  const reply = stage.it.parts.authority.renewalInfo.bind(stage.it.parts.authority);
  const explanationUrl = new URL("https://ca.test/incident");
  const { certId } = (await stage.it.records.certificates.get(A.secretName, CALL))!.value.facts;
  stage.it.parts.authority.renewalInfo = async (id, call) =>
    id === certId ? { window: PAST, explanationUrl, askAfterMs: HOUR } : await reply(id, call);
  await stage.look();
  const told = stage.it.events.find((it) => it.name === "renewal.recalled");
  assertStringIncludes(told?.text ?? "", "a.example.com to be replaced at once");
  assertStringIncludes(told?.text ?? "", explanationUrl.href);
  await stage.restart([B, A, C]); // C is missing, and still A comes before it
  const { sleep } = stage.it.clock;
  stage.it.clock.sleep = async (ms, call) => {
    if (ms === 5_000) await new Promise((resolve) => call.signal.addEventListener("abort", resolve)); // others are patient
    await sleep(ms, call);
  };

  await stage.look();

  assertEquals(stage.orders().slice(2), ["a.example.com", "c.example.com"]);
  assertEquals(stage.it.authority.orders[2]?.replaces, certId);
});

Deno.test("F-122: a CA that answers 500 for a week is asked few times, and the certificate is renewed all the same", async () => {
  const stage = await renewalStage([A]);
  stage.it.authority.tellRenewal(new SidecarError("CA_TRANSPORT", "the CA answered 500"));
  await stage.look();
  await stage.pass(7 * DAY, 15 * MINUTE);
  const asked = stage.questions();
  assert(asked >= 30 && asked <= 45, `${asked} questions in a week`);
  const unanswered = stage.it.events.filter((it) => it.name === "renewal.unanswered");
  assertEquals(unanswered.filter((it) => it.level === "warn").length, 1);

  await stage.pass(54 * DAY, DAY);
  assertEquals(stage.orders().length, 2);
});

for (
  const [why, reply] of [
    ["no window", { askAfterMs: 6 * HOUR }],
    ["a window far too late", {
      window: { start: new Date("2030-01-01"), end: new Date("2030-01-02") },
      askAfterMs: 6 * HOUR,
    }],
  ] as const
) {
  Deno.test(`F-122: a CA that answers ${why} does not let a certificate expire`, async () => {
    const stage = await renewalStage([A]);
    stage.it.authority.tellRenewal(reply);
    await stage.look();
    await stage.pass(59 * DAY, DAY);
    assertEquals(stage.orders().length, 1);
    await stage.pass(29 * DAY, DAY);
    assertEquals(stage.orders().length, 2);
  });
}

Deno.test("F-122: with a Retry-After of ten days the CA is asked once a day, with one of a second each minute at most", async () => {
  for (const [askAfterMs, most] of [[DAY, 6], [MINUTE, 5 * 24 * 60]] as const) {
    const stage = await renewalStage([A]);
    stage.it.authority.tellRenewal({ askAfterMs });
    await stage.look();
    await stage.pass(5 * DAY, 20 * MINUTE);
    assert(stage.questions() <= most, `${stage.questions()} questions`);
  }
});

Deno.test("a CA that recalls every new certificate at once gets fewer and fewer orders", async () => {
  const stage = await renewalStage([A]);
  stage.it.authority.tellRenewal({ window: PAST, askAfterMs: HOUR });
  await stage.look();
  await stage.pass(DAY, 3 * MINUTE);
  const orders = stage.orders().length;
  assert(orders >= 6 && orders <= 11, `${orders} orders in a day`);
  assert(isRecalled((await stage.renewal("a.example.com"))!.draw!));
});

for (const hours of [12, 24, 48, 72]) {
  Deno.test(`F-123: a certificate of 160 hours is renewed within ten minutes after the CA was away for ${hours} h`, async () => {
    const stage = await renewalStage([A], { lifetimesMs: [SHORT] });
    await stage.look();
    await stage.look();
    await moveTo(stage, "a.example.com", -MINUTE);
    const { questions, restore } = takeAway(stage);
    await stage.pass(hours * HOUR, 4 * MINUTE);
    assertEquals(stage.it.authority.issued(), 1);
    assert(questions() < hours * 15, `${questions()} questions`);
    restore();

    await stage.pass(10 * MINUTE, 30_000);

    assertEquals(stage.it.authority.issued(), 2);
    const { notAfter } = (await stage.it.records.certificates.get(A.secretName, CALL))!.value.facts;
    assert(notAfter.getTime() > stage.it.clock.now().getTime() + SHORT / 2);
  });
}

Deno.test("F-124: with a window of 3.2 h and a restart every hour there is one order, inside the window, with `replaces`", async () => {
  const stage = await renewalStage([A], { lifetimesMs: [SHORT] });
  await stage.look();
  await stage.look();
  const { window } = (await stage.renewal("a.example.com"))!.draw!;
  let at: Date | undefined;
  for (let minute = 0; minute < 81 * 60; minute += 10) {
    if (minute % 60 === 50) await stage.restart();
    await stage.look();
    if (stage.orders().length === 2) at ??= stage.it.clock.now();
    stage.it.clock.move(10 * MINUTE);
  }
  assertEquals(stage.orders().length, 2);
  assert(at !== undefined && at >= window.start && at < window.end);
  assert(stage.it.authority.orders[1]?.replaces !== undefined);
});

Deno.test("F-128: the lifetime is cut from 90 to 64 to 45 days, and only the certificate's own dates count", async () => {
  const lifetimesMs = [90 * DAY, 64 * DAY, 45 * DAY];
  const stage = await renewalStage([A], { lifetimesMs, renewalInfo: false });
  const issued: number[] = [];
  const start = stage.it.clock.now().getTime();
  await stage.look();
  for (let day = 0; day < 140; day++) {
    if (stage.orders().length > issued.length) issued.push(Math.round((stage.it.clock.now().getTime() - start) / DAY));
    await stage.pass(DAY, DAY);
  }
  assertEquals(issued, [0, 60, 103, 133]);
});

Deno.test("F-129: names that change while a renewal is under way: the old order ends, the new names follow, no mixed bundle", async () => {
  const stage = await renewalStage([A]);
  await stage.look();
  await stage.look();
  await moveTo(stage, "a.example.com", 0);
  stage.it.authority.loseAnswer("finalize"); // the order is finalized, and nobody heard
  stage.it.authority.loseAnswer("order");
  await stage.look();
  const wider = { ...A, names: [A.names[0], B.names[0]] as const };
  await stage.restart([wider]);

  stage.it.clock.move(2 * MINUTE);
  await stage.look();
  await stage.look();

  assertEquals(stage.orders().slice(1), ["a.example.com", "a.example.com,b.example.com"]);
  const { facts, intent } = (await stage.it.records.certificates.get(A.secretName, CALL))!.value;
  assertEquals([facts.names.toSorted(), intent.names], [[...wider.names], wider.names]);
  assertEquals(await stage.it.records.orders.list(CALL), []);
});

Deno.test("F-130: what the CA revokes while it limits us comes first as soon as its Retry-After is over, and not before", async () => {
  const stage = await renewalStage([A]);
  await stage.look();
  await stage.look();
  stage.it.authority.tellRenewal({ window: PAST, askAfterMs: HOUR });
  stage.it.clock.move(7 * HOUR);
  await stage.look();
  const retryAt = new Date(stage.it.clock.now().getTime() + 3 * HOUR);
  const account = stage.it.parts.authority.as.bind(stage.it.parts.authority);
  let limited = 0;
  stage.it.parts.authority.as = (url, key) => ({
    ...account(url, key),
    newOrder: (request, call) => {
      if (stage.it.clock.now() >= retryAt) return account(url, key).newOrder(request, call);
      limited++;
      return Promise.reject(new SidecarError("CA_PROBLEM", "too many certificates", { retryAt }));
    },
  });
  await stage.pass(3 * HOUR - 10 * MINUTE, 10 * MINUTE);
  assertEquals([limited, stage.it.authority.issued()], [1, 1]);

  await stage.pass(20 * MINUTE, 10 * MINUTE);

  assertEquals(stage.it.authority.issued(), 2);
});

/** The CA does not answer any more, to nobody, until `restore`. */
function takeAway(stage: RenewalStage): { readonly questions: () => number; restore(): void } {
  const { authority } = stage.it.parts;
  const { as, renewalInfo, clockOffsetMs, about } = authority;
  const away = (): Promise<never> => Promise.reject(new SidecarError("CA_TRANSPORT", "no whole answer"));
  let asked = 0;
  Object.assign(authority, {
    about: away,
    renewalInfo: away,
    clockOffsetMs: () => {
      asked++;
      return away();
    },
    as: (...args: Parameters<typeof as>) => ({ ...as(...args), newOrder: away }),
  });
  return {
    questions: () => asked,
    restore: () => void Object.assign(authority, { as, renewalInfo, clockOffsetMs, about }),
  };
}
