import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import { tlsAlpn01Solver } from "../../../src/challenge/tls_alpn01.ts";
import type { Call, ChallengeAnswer, LoadBalancer } from "../../../src/ports.ts";
import { readPem } from "../../../src/x509/pem.ts";
import { CALL, fakeAlpn, fakeBalancer } from "../../support/fakes.ts";
import { alpnFaults } from "../../support/strict_alpn_validator.ts";
import { NOW } from "../../support/test_chain.ts";

const NAME = parseDnsName("www.example.com");
const ANSWER = {
  type: "tls-alpn-01",
  name: NAME,
  token: "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA",
  keyAuthorization: "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI",
  balancer: "lb",
} satisfies ChallengeAnswer;

const solverFor = (balancers: Readonly<Record<string, LoadBalancer>>): ReturnType<typeof tlsAlpn01Solver> =>
  tlsAlpn01Solver({ balancers: new Map(Object.entries(balancers)), now: () => NOW });

Deno.test("tlsAlpn01Solver() has the balancer serve a valid challenge certificate until it is disposed of", async () => {
  const alpn = fakeAlpn();
  const solver = solverFor({ lb: fakeBalancer({ alpn }) });
  assertEquals(solver.type, "tls-alpn-01");
  const presented = await solver.present(ANSWER, CALL);
  const der = readPem(alpn.served.get(NAME)!.pem)[0]!.der;
  assertEquals(await alpnFaults(der, NAME, ANSWER.keyAuthorization), []);
  await presented.settled(CALL);
  await presented[Symbol.asyncDispose]();
  await presented[Symbol.asyncDispose]();
  assertEquals(alpn.served.size, 0);
});

Deno.test("tlsAlpn01Solver() is not settled while another certificate answers", async () => {
  const alpn = fakeAlpn();
  const solver = solverFor({ lb: fakeBalancer({ alpn }) });
  const former = await solver.present(ANSWER, CALL);
  const later = await solver.present(ANSWER, CALL);
  await later.settled(CALL);
  await assertRejects(() => former.settled(CALL), Error, "another certificate answers");
});

Deno.test("tlsAlpn01Solver() leaves nothing up where an abort comes when the balancer serves already", async () => {
  const alpn = fakeAlpn();
  const control = new AbortController();
  const answer: typeof alpn.answer = async (certificate, call) => {
    await alpn.answer(certificate, call);
    control.abort(new Error("stop"));
    call.signal.throwIfAborted();
  };
  const solver = solverFor({ lb: fakeBalancer({ alpn: { ...alpn, answer } }) });
  await assertRejects(() => solver.present(ANSWER, control), Error, "stop");
  assertEquals(alpn.served.size, 0);
});

Deno.test("tlsAlpn01Solver() withdraws under a deadline of its own", async () => {
  const signals: AbortSignal[] = [];
  const withdraw = (_: unknown, { signal }: Call): Promise<void> => Promise.resolve(void signals.push(signal));
  const solver = solverFor({ lb: fakeBalancer({ alpn: { ...fakeAlpn(), withdraw } }) });
  await (await solver.present(ANSWER, { signal: AbortSignal.abort() }))[Symbol.asyncDispose]();
  assertEquals(signals.map((signal) => signal.aborted), [false]);
});

const { balancer: _, ...UNLINKED } = ANSWER;

for (
  const [why, answer, balancers, message, todo] of [
    ["no linked balancer", UNLINKED, {}, "no balancer is linked", "challenges="],
    ["no balancer at all", ANSWER, {}, 'there is no balancer "lb"', "challenges="],
    ["an unknown balancer", ANSWER, { edge: fakeBalancer(), dmz: fakeBalancer() }, 'no balancer "lb"', "dmz, edge"],
    [
      "a balancer that never can",
      ANSWER,
      { lb: fakeBalancer({ noAlpn: "it is too old; it answers http-01" }) },
      "it is too old; it answers http-01",
      "choose another type",
    ],
    ["a balancer without the ability", ANSWER, { lb: fakeBalancer() }, "no acme-tls/1 frontend", "challenges="],
  ] as const
) {
  Deno.test(`tlsAlpn01Solver() refuses ${why}`, async () => {
    const error = await assertRejects(() => solverFor(balancers).present(answer, CALL), SidecarError, message);
    assertEquals([error.code, error.field], ["BALANCER_CONFIG", "linked_service"]);
    assertStringIncludes(error.todo ?? "", todo);
  });
}
