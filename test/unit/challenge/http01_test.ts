import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import { http01Solver } from "../../../src/challenge/http01.ts";
import type { Call, ChallengeAnswer } from "../../../src/ports.ts";
import { fakeClock } from "../../support/fake_clock.ts";
import { CALL, fakeBalancer, memoryAnswers } from "../../support/fakes.ts";

const ANSWER: ChallengeAnswer = {
  type: "http-01",
  name: parseDnsName("www.example.com"),
  token: "DGyRejmCefe7v4NfDGDKfA",
  keyAuthorization: "DGyRejmCefe7v4NfDGDKfA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI",
  balancer: "lb",
};

Deno.test("http01Solver() publishes the answer until it is disposed of, again and again", async () => {
  const answers = memoryAnswers();
  const solver = http01Solver({ answers, balancers: new Map(), clock: fakeClock() });
  assertEquals(solver.type, "http-01");
  const first = await solver.present(ANSWER, CALL);
  const again = await solver.present(ANSWER, CALL);
  assertEquals([...answers.published], [[ANSWER.token, ANSWER.keyAuthorization]]);
  for (const presented of [first, again, first]) await presented[Symbol.asyncDispose]();
  assertEquals(answers.published.size, 0);
});

Deno.test("http01Solver() withdraws under a deadline of its own", async () => {
  const withdrawn: AbortSignal[] = [];
  const answers = {
    ...memoryAnswers(),
    withdraw: (_: string, { signal }: Call) => Promise.resolve(void withdrawn.push(signal)),
  };
  const call = { signal: AbortSignal.abort() };
  const presented = await http01Solver({ answers, balancers: new Map(), clock: fakeClock() }).present(ANSWER, call);
  await presented[Symbol.asyncDispose]();
  assertEquals(withdrawn.map((signal) => signal.aborted), [false]);
});

Deno.test("http01Solver() asks the linked balancer for the token's path under the name", async () => {
  const asked: unknown[] = [];
  const http = (...[name, path, call]: [unknown, unknown, Call]): Promise<{ status: number; body: string }> => {
    asked.push(name, path, call.signal);
    return Promise.resolve({ status: 200, body: ANSWER.keyAuthorization });
  };
  await settle(http);
  assertEquals(asked, [ANSWER.name, `/.well-known/acme-challenge/${ANSWER.token}`, CALL.signal]);
});

Deno.test("http01Solver() takes white space at the end for nothing (RFC 8555 §8.3)", async () => {
  await settle(() => Promise.resolve({ status: 200, body: `${ANSWER.keyAuthorization}\r\n ` }));
});

for (
  const [why, status, body, found] of [
    ["another text", 200, "<html>hello</html>", "it gives another text (18 characters)"],
    ["white space in front", 200, ` ${ANSWER.keyAuthorization}`, "it gives another text"],
    ["a redirect", 301, "", "it redirects (status 301)"],
    ["a redirect with the right text", 308, ANSWER.keyAuthorization, "it redirects (status 308)"],
    ["not found", 404, ANSWER.keyAuthorization, "it answers with status 404"],
    ["an error", 503, "", "it answers with status 503"],
  ] as const
) {
  Deno.test(`http01Solver() is not settled by ${why}`, async () => {
    const settled = (): Promise<void> => settle(() => Promise.resolve({ status, body }));
    const error = await assertRejects(settled, SidecarError, found);
    assertEquals([error.code, error.field], ["CHALLENGE_NOT_READY", "challenge"]);
    assertStringIncludes(error.message, "Balancer lb does not give the http-01 answer for www.example.com");
    assertStringIncludes(error.todo ?? "", "http-request redirect ... unless acme");
    assert(!error.message.includes("hello"));
  });
}

Deno.test("http01Solver() says why a balancer could not be asked", async () => {
  const error = await assertRejects(() => settle(() => Promise.reject(new Error("connection refused"))), SidecarError);
  assertEquals([error.code, (error.cause as Error).message], ["CHALLENGE_NOT_READY", "connection refused"]);
});

Deno.test("http01Solver() rejects with the reason of an abort", async () => {
  const gone = new Error("gone");
  const error = await assertRejects(
    () => settle(() => Promise.reject(new Error("socket closed")), { signal: AbortSignal.abort(gone) }),
    Error,
  );
  assertEquals(error, gone);
});

for (
  const [why, answer] of [
    ["a balancer whose HTTP face is unknown", { ...ANSWER, balancer: "silent" }],
    ["a balancer that is no longer configured", { ...ANSWER, balancer: "former" }],
    ["no balancer", unlinked(ANSWER)],
  ] as const
) {
  Deno.test(`http01Solver() leaves it to the CA with ${why}`, async () => {
    const balancers = new Map([["silent", fakeBalancer()]]);
    const presented = await http01Solver({ answers: memoryAnswers(), balancers, clock: fakeClock() }).present(
      answer,
      CALL,
    );
    await presented.settled(CALL);
  });
}

async function settle(http: NonNullable<ReturnType<typeof fakeBalancer>["http"]>, call = CALL): Promise<void> {
  const solver = http01Solver({
    answers: memoryAnswers(),
    balancers: new Map([["lb", fakeBalancer({ http })]]),
    clock: fakeClock(),
  });
  const presented = await solver.present(ANSWER, call);
  await presented.settled(call);
}

function unlinked({ type, name, token, keyAuthorization }: ChallengeAnswer): ChallengeAnswer {
  return { type, name, token, keyAuthorization };
}

Deno.test("http01Solver() opens the balancer's route for the name, gives it its time, and closes it", async () => {
  const log: string[] = [];
  const clock = fakeClock();
  let looks = 0;
  const routes = {
    settleMs: 1_000,
    todo: "look at the route",
    open: (name: string) => Promise.resolve(void log.push(`open ${name}`)),
    close: (name: string) => Promise.resolve(void log.push(`close ${name}`)),
  };
  const http = (): Promise<{ status: number; body: string }> =>
    Promise.resolve(++looks < 4 ? { status: 503, body: "" } : { status: 200, body: ANSWER.keyAuthorization });
  const answers = memoryAnswers();
  const solver = http01Solver({ answers, balancers: new Map([["lb", fakeBalancer({ http, routes })]]), clock });
  const presented = await solver.present(ANSWER, CALL);
  assertEquals(log, [`open ${ANSWER.name}`]);
  const settled = presented.settled(CALL);
  for (let i = 0; i < 5; i++) await clock.advance(100);
  await settled;
  assertEquals(looks, 4);
  await presented[Symbol.asyncDispose]();
  assertEquals([log.at(-1), answers.published.size], [`close ${ANSWER.name}`, 0]);
});

Deno.test("http01Solver() gives up on a route that is never seen, with what was seen last", async () => {
  const clock = fakeClock();
  const routes = {
    settleMs: 500,
    todo: "look at the route",
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const http = (): Promise<{ status: number; body: string }> => Promise.resolve({ status: 503, body: "" });
  const balancers = new Map([["lb", fakeBalancer({ http, routes })]]);
  const presented = await http01Solver({ answers: memoryAnswers(), balancers, clock }).present(ANSWER, CALL);
  const settled = assertRejects(() => presented.settled(CALL), SidecarError, "it answers with status 503");
  for (let i = 0; i < 10; i++) await clock.advance(100);
  assertEquals((await settled).todo, "look at the route");
});

Deno.test("http01Solver() leaves nothing where the route cannot be opened", async () => {
  const answers = memoryAnswers();
  const closed: string[] = [];
  const routes = {
    settleMs: 0,
    todo: "",
    open: () => Promise.reject(new Error("etcd is away")),
    close: (name: string) => Promise.resolve(void closed.push(name)),
  };
  const balancers = new Map([["lb", fakeBalancer({ routes })]]);
  await assertRejects(
    () => http01Solver({ answers, balancers, clock: fakeClock() }).present(ANSWER, CALL),
    Error,
    "etcd is away",
  );
  assertEquals([answers.published.size, closed], [0, [ANSWER.name]]);
});
