import { assertEquals, assertRejects } from "@std/assert";
import { tlsAlpn01Solver } from "../../../src/challenge/tls_alpn01.ts";
import { tlsSni01Solver } from "../../../src/challenge/tls_sni01.ts";
import { possibleTypes } from "../../../src/flow/possible_types.ts";
import { CHALLENGE_TYPES, type ChallengeType } from "../../../src/model/challenge_type.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import type { ChallengeSolver, LoadBalancer } from "../../../src/ports.ts";
import { memoryVault } from "../../../src/vault/memory_vault.ts";
import { fakeClock } from "../../support/fake_clock.ts";
import { CALL, fakeAlpn, fakeBalancer, fakeSni } from "../../support/fakes.ts";
import { harness } from "../../support/flow_harness.ts";
import { name } from "../../support/port_authority.ts";
import { NOW } from "../../support/test_chain.ts";

const always = (type: ChallengeType): ChallengeSolver => ({
  type,
  present: () => Promise.reject(new Error("not asked for")),
});

function solversFor(lb: LoadBalancer, listening: boolean): ReadonlyMap<ChallengeType, ChallengeSolver> {
  const balancers = new Map([["lb", lb]]);
  const parts = { balancers, vault: memoryVault(fakeClock()), now: () => NOW };
  const sni = tlsSni01Solver(listening ? { ...parts, listener: fakeSni() } : parts);
  return new Map([always("http-01"), always("dns-01"), tlsAlpn01Solver(parts), sni].map((it) => [it.type, it]));
}

const BOTH = fakeBalancer({ alpn: fakeAlpn(), sni: fakeSni() });

for (
  const [why, lb, listening, balancer, domain, possible] of [
    ["a balancer that can do all", BOTH, false, "lb", "a.example", ["http-01", "dns-01", "tls-alpn-01", "tls-sni-01"]],
    ["a balancer that can do nothing", fakeBalancer(), false, "lb", "a.example", ["http-01", "dns-01"]],
    ["a listener beside it", fakeBalancer(), true, "lb", "a.example", ["http-01", "dns-01", "tls-sni-01"]],
    ["no linked balancer", BOTH, false, undefined, "a.example", ["http-01", "dns-01"]],
    ["a listener and no linked balancer", BOTH, true, undefined, "a.example", ["http-01", "dns-01", "tls-sni-01"]],
    ["a balancer that is not configured", BOTH, true, "edge", "a.example", ["http-01", "dns-01"]],
    ["a wildcard", BOTH, true, "lb", "*.a.example", ["dns-01"]],
  ] as const
) {
  Deno.test(`possibleTypes() are those that somebody can answer: ${why}`, () => {
    const preference = { types: CHALLENGE_TYPES, ...balancer === undefined ? {} : { balancer } };
    const found = possibleTypes({ solvers: solversFor(lb, listening) }, name(domain), preference);
    assertEquals<readonly string[]>(found, possible);
  });
}

Deno.test("possibleTypes() leaves out what nobody solves, and keeps the order of preference", () => {
  const solvers = new Map([always("http-01"), always("dns-01")].map((it) => [it.type, it]));
  const types = ["tls-sni-01", "dns-01", "http-01"] as const;
  assertEquals<readonly string[]>(possibleTypes({ solvers }, name("a.example"), { types }), ["dns-01", "http-01"]);
});

for (
  const [types, todo] of [
    [
      ["dns-01", "http-01"],
      "api.example.com can be proven by dns-01, http-01; " +
      "run kontena certificate authorize --auth-type http-01 --lb-link infra/lb api.example.com",
    ],
    [
      ["dns-01"],
      "api.example.com can be proven by dns-01; run kontena certificate authorize --auth-type dns-01 api.example.com",
    ],
    [["new-01"], "api.example.com can be proven by new-01"],
  ] as const
) {
  Deno.test(`authorize() names the command for the best of ${types.join(", ")}`, async () => {
    const { service } = await harness({ types });
    const error = await assertRejects(
      () => service.authorize({ domain: name("api.example.com"), type: "tls-sni-01", balancer: "infra/lb" }, CALL),
      SidecarError,
      "the CA did not offer any tls-sni-01 challenge",
    );
    assertEquals([error.code, error.field, error.todo], ["CHALLENGE_NOT_OFFERED", "challenge", todo]);
  });
}

Deno.test("authorize() tells the CA of no name that nobody can answer for", async () => {
  const { service, parts, authority } = await harness();
  const solver = tlsAlpn01Solver({ balancers: parts.balancers, now: () => NOW });
  (parts.solvers as Map<ChallengeType, ChallengeSolver>).set(solver.type, solver);
  const error = await assertRejects(
    () => service.authorize({ domain: name("api.example.com"), type: "tls-alpn-01", balancer: "infra/lb" }, CALL),
    SidecarError,
    "has no acme-tls/1 frontend that is known",
  );
  assertEquals([error.code, authority.asked.some((it) => it.startsWith("newOrder"))], ["BALANCER_CONFIG", false]);
});
