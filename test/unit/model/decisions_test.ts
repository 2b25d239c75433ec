import { assertEquals } from "@std/assert";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { nextStep, type Order } from "../../../src/model/order.ts";
import { plan, type Situation } from "../../../src/model/plan.ts";
import type { AttemptRecord, CertificateRecord, Intent, NameRest } from "../../../src/model/records.ts";
import { defaultSecretName, type SecretName } from "../../../src/model/secret_name.ts";

const NOW = new Date("2026-06-01T00:00:00Z");
const DAY = 86_400_000;
const COMMON = {
  url: new URL("https://ca.test/order/1"),
  names: [],
  authorizations: [new URL("https://ca.test/authorization/1")],
  finalize: new URL("https://ca.test/order/1/finalize"),
};

for (
  const [order, proven, expected] of [
    [{ ...COMMON, status: "pending" }, false, "prove"],
    [{ ...COMMON, status: "pending" }, true, "wait"],
    [{ ...COMMON, status: "ready" }, false, "finalize"],
    [{ ...COMMON, status: "processing" }, true, "wait"],
    [{ ...COMMON, status: "valid", certificate: new URL("https://ca.test/certificate/1") }, false, "download"],
    [{ ...COMMON, status: "invalid" }, true, "abandon"],
  ] as const satisfies readonly (readonly [Order, boolean, string])[]
) {
  Deno.test(`nextStep() of a ${order.status} order${proven ? " that is proven" : ""} is ${expected}`, () => {
    assertEquals(nextStep(order, proven).do, expected);
  });
}

function intent(name: string, changes: Partial<Intent> = {}): Intent {
  const subject = parseDnsName(name);
  const secretName = defaultSecretName(subject);
  return { names: [subject], keyType: "ec-256", secretName, certType: "fullchain", balancers: [], ...changes };
}

function held(wanted: Intent, days: { readonly old: number; readonly left: number }): CertificateRecord {
  const notBefore = new Date(NOW.getTime() - days.old * DAY);
  const notAfter = new Date(NOW.getTime() + days.left * DAY);
  const facts = { subject: "", issuer: "", names: wanted.names, serial: "01", notBefore, notAfter, fingerprint: "" };
  const url = COMMON.url;
  return { origin: "ca", intent: wanted, facts, directory: url, account: url, order: url, storedAt: notBefore };
}

function imported(wanted: Intent, days: { readonly old: number; readonly left: number }): CertificateRecord {
  const { facts, storedAt } = held(wanted, days);
  return { intent: wanted, facts, storedAt, origin: "imported" };
}

function situation(changes: Partial<Situation>): Situation {
  return {
    declared: [],
    held: [],
    provable: () => true,
    attempts: new Map(),
    names: new Map(),
    renewals: new Map(),
    now: NOW,
    caNow: NOW,
    ...changes,
  };
}

const A = intent("a.example");

/** The name of {@linkcode A} fails. */
function failing(rest: NameRest): Situation["names"] {
  const [name] = A.names;
  const common = { directory: COMMON.url, name, failures: 3, problem: "dns", detail: "no", lastAt: NOW };
  return new Map([[name, { ...common, ...rest }]]);
}
const BEFORE = { lastAt: new Date(NOW.getTime() - 60_000) };
const RESTING: AttemptRecord = { failures: 1, lastAt: NOW, nextAt: new Date(NOW.getTime() + 60_000) };

for (
  const [why, given, expected] of [
    ["what is declared and missing is issued", { declared: [A] }, ["issue missing"]],
    ["what is fresh waits", { declared: [A], held: [held(A, { old: 30, left: 60 })] }, ["wait fresh"]],
    ["what has a third of its life left is renewed", { declared: [A], held: [held(A, { old: 60, left: 30 })] }, [
      "issue lifetime",
    ]],
    ["a day earlier it is not", { declared: [A], held: [held(A, { old: 59, left: 31 })] }, ["wait fresh"]],
    ["what has expired is renewed", { declared: [A], held: [held(A, { old: 100, left: -10 })] }, ["issue lifetime"]],
    [
      "other names under the same secret are issued",
      {
        declared: [intent("a.example", { names: [A.names[0], parseDnsName("b.example")] })],
        held: [held(A, { old: 1, left: 89 })],
      },
      ["issue changed"],
    ],
    [
      "another kind of key is issued",
      { declared: [{ ...A, keyType: "rsa-2048" }], held: [held(A, { old: 1, left: 89 })] },
      ["issue changed"],
    ],
    ["what was imported with another kind of key is kept", {
      declared: [{ ...A, keyType: "rsa-2048" }],
      held: [imported(A, { old: 30, left: 60 })],
    }, ["wait fresh"]],
    ["what was imported and is due waits for a person where its names cannot be proven", {
      held: [imported(A, { old: 89, left: 1 })],
      provable: () => false,
    }, ["ask by hand"]],
    ["what was imported and is due is renewed where its names are authorized", {
      held: [imported(A, { old: 89, left: 1 })],
    }, ["issue lifetime"]],
    ["what was revoked is replaced", {
      held: [{ ...held(A, { old: 1, left: 89 }), revoked: { at: NOW, reason: "keyCompromise" } }],
    }, ["issue revoked"]],
    ["what was revoked for good is left to a person", {
      declared: [A],
      held: [{ ...held(A, { old: 89, left: 1 }), revoked: { at: NOW, reason: "cessationOfOperation" } }],
    }, ["ask ceased"]],
    ["after a failure it rests", { declared: [A], attempts: new Map([[A.secretName, RESTING]]) }, ["wait backoff"]],
    [
      "after the rest it is tried again",
      { declared: [A], attempts: new Map([[A.secretName, { ...RESTING, nextAt: NOW }]]) },
      ["issue missing"],
    ],
    ["what a limit of ours put off is not, where it was revoked since", {
      held: [{ ...held(A, { old: 1, left: 89 }), revoked: { at: NOW, reason: "keyCompromise" } }],
      attempts: new Map([[A.secretName, { ...RESTING, ...BEFORE, lastCode: "RATE_LIMITED" }]]),
    }, ["issue revoked"]],
    ["what the CA refused rests also where it was revoked since", {
      held: [{ ...held(A, { old: 1, left: 89 }), revoked: { at: NOW, reason: "keyCompromise" } }],
      attempts: new Map([[A.secretName, { ...RESTING, ...BEFORE, lastCode: "CA_PROBLEM" }]]),
    }, ["wait backoff"]],
    ["a name that rests holds its certificate, and no other", {
      declared: [A, intent("b.example")],
      names: failing({ state: "resting", until: new Date(NOW.getTime() + 60_000) }),
    }, ["issue missing", "wait quarantine"]],
    ["a name that the CA does not take is left to a person", {
      declared: [A],
      names: failing({ state: "refused" }),
    }, ["ask quarantine"]],
    ["a name that rests does not matter while its certificate is fresh", {
      held: [held(A, { old: 30, left: 60 })],
      names: failing({ state: "refused" }),
    }, ["wait fresh"]],
    ["without the name that rests a certificate is ordered", {
      declared: [intent("b.example")],
      held: [held(intent("b.example", { names: [parseDnsName("b.example"), A.names[0]] }), { old: 1, left: 89 })],
      names: failing({ state: "refused" }),
    }, ["issue changed"]],
    ["what a command got is renewed too", { held: [held(A, { old: 60, left: 30 })] }, ["issue lifetime"]],
    [
      "what a person has to prove is not ordered unattended",
      { held: [held(A, { old: 60, left: 30 })], provable: () => false },
      ["ask by hand"],
    ],
    [
      "not either where it is declared and no challenge can prove it",
      { declared: [A], held: [held(A, { old: 60, left: 30 })], provable: () => false },
      ["ask by hand"],
    ],
    [
      "what is declared and missing is tried, so that it tells what it lacks",
      { declared: [A], provable: () => false },
      ["issue missing"],
    ],
    [
      "what is declared counts as provable where its challenge can be answered",
      { declared: [A], held: [held(A, { old: 60, left: 30 })], provable: (_, declared) => declared === A },
      ["issue lifetime"],
    ],
    [
      "the most urgent comes first",
      {
        held: [held(intent("late.example"), { old: 70, left: 20 }), held(intent("soon.example"), { old: 88, left: 2 })],
      },
      ["issue lifetime", "issue lifetime"],
    ],
  ] as readonly (readonly [string, Partial<Situation>, readonly string[]])[]
) {
  Deno.test(`plan(): ${why}`, () => {
    assertEquals(plan(situation(given)).map((it) => `${it.do} ${it.why}`), [...expected]);
  });
}

Deno.test("plan() puts what expires first before the rest, what is missing before all, and what waits last", () => {
  const [late, soon, missing] = [intent("late.example"), intent("soon.example"), intent("missing.example")];
  const fresh = intent("fresh.example");
  const planned = plan(situation({
    declared: [fresh, late, missing, soon],
    held: [held(fresh, { old: 1, left: 5 }), held(late, { old: 70, left: 20 }), held(soon, { old: 88, left: 2 })],
  }));
  const expected: SecretName[] = [missing, soon, late, fresh].map((it) => it.secretName);
  assertEquals(planned.map((it) => it.intent.secretName), expected);
});
