import { assert, assertEquals, assertRejects } from "@std/assert";
import { http01Solver } from "../../../src/challenge/http01.ts";
import { tlsAlpn01Solver } from "../../../src/challenge/tls_alpn01.ts";
import { type BalancerService, balancerService, type BalancerServiceParts } from "../../../src/flow/balancers.ts";
import { memoryLedger } from "../../../src/ledger/memory_ledger.ts";
import { type Records, recordsOf } from "../../../src/ledger/records.ts";
import type { ChallengeType } from "../../../src/model/challenge_type.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import { parseSecretName } from "../../../src/model/secret_name.ts";
import type { LoadBalancer, WiringPart } from "../../../src/ports.ts";
import { fakeClock } from "../../support/fake_clock.ts";
import { CALL, fakeAlpn, fakeBalancer, memoryAnswers } from "../../support/fakes.ts";
import { heldCertificate, SERVED } from "../../support/fake_service.ts";

interface Kit {
  readonly service: BalancerService & { landed(): Promise<void> };
  readonly published: ReadonlyMap<string, string>;
  readonly records: Records;
}

interface KitOptions {
  readonly challenges?: readonly ChallengeType[];
  readonly lifetime?: AbortSignal;
}

function kitOf(balancers: readonly LoadBalancer[], options: KitOptions = {}): Kit {
  const { challenges = ["tls-alpn-01", "http-01"], lifetime = new AbortController().signal } = options;
  const clock = fakeClock();
  const answers = memoryAnswers();
  const named = new Map(balancers.map((it) => [it.name, it]));
  const records = recordsOf(memoryLedger(clock));
  const parts: BalancerServiceParts = {
    balancers: named,
    records,
    solvers: new Map([
      http01Solver({ answers, balancers: named, clock }),
      tlsAlpn01Solver({ balancers: named, now: () => clock.now() }),
    ].map((it) => [it.type, it])),
    settings: { keyTypes: ["ec-256"], challenges, agreeTos: true },
    answers,
  };
  return { service: balancerService(parts, lifetime), published: answers.published, records };
}

const OK: WiringPart = { part: "socket", state: "ok", found: "it answers" };
const wiring = (...parts: readonly WiringPart[]): Pick<LoadBalancer, "wiring"> => ({
  wiring: { lines: () => Promise.resolve("lines\n"), check: () => Promise.resolve(parts) },
});

/** Gives whatever is published, as one that is wired rightly does. */
const wired = (kit: () => Kit): Pick<LoadBalancer, "http"> => ({
  http: (_name, path) => {
    const body = kit().published.get(path.slice(path.lastIndexOf("/") + 1));
    return Promise.resolve(body === undefined ? { status: 404, body: "" } : { status: 200, body });
  },
});

Deno.test("balancers() asks all at once, and waits for none longer than three seconds", async () => {
  const never = (name: string): LoadBalancer =>
    fakeBalancer({ name, state: () => new Promise<never>(() => {}), ...wiring() });
  const ok = fakeBalancer({ name: "c", state: () => Promise.resolve({ version: "2.6.12", pid: 7 }) });
  const { service } = kitOf([never("a"), never("b"), ok]);
  const begin = performance.now();
  const views = await service.balancers(CALL);
  assert(performance.now() - begin < 4_500);
  assertEquals(views.map((it) => [it.name, it.state]), [
    ["a", { ok: false, found: "it gave no answer within 3000 ms" }],
    ["b", { ok: false, found: "it gave no answer within 3000 ms" }],
    ["c", { ok: true, version: "2.6.12", pid: 7 }],
  ]);
});

Deno.test("balancer() says why it is away, without its name, and what to do", async () => {
  const error = new SidecarError("BALANCER_UNREACHABLE", "Load balancer infra/lb: its socket is gone", {
    todo: "start it",
  });
  const { service } = kitOf([fakeBalancer({ name: "infra/lb", state: () => Promise.reject(error) })]);
  assertEquals((await service.balancer("infra/lb", CALL))?.state, {
    ok: false,
    found: "its socket is gone",
    todo: "start it",
  });
});

for (
  const [configured, name] of [["lb", "null/lb"], ["lb", "lb"], ["null/lb", "lb"], ["infra/lb", "infra/lb"]] as const
) {
  Deno.test(`a balancer that is configured as ${configured} is found as ${name}`, async () => {
    const { service } = kitOf([fakeBalancer({ name: configured, state: () => Promise.resolve({}), ...wiring(OK) })]);
    assertEquals((await service.balancer(name, CALL))?.name, configured);
    assertEquals(await service.wiring(name, CALL), "lines\n");
    assertEquals((await service.check(name, CALL))?.[0], OK);
  });
}

Deno.test("a balancer that is not configured is none", async () => {
  const { service } = kitOf([fakeBalancer({ name: "lb" })]);
  const all = [service.balancer("x", CALL), service.wiring("x", CALL), service.check("x", CALL)];
  assertEquals(await Promise.all<unknown>(all), [undefined, undefined, undefined]);
});

Deno.test("balancers() tells what each does with which certificate, and what it can answer", async () => {
  const state = (): Promise<object> => Promise.resolve({});
  const kit = kitOf([
    fakeBalancer({ name: "infra/lb", alpn: fakeAlpn(), state }),
    fakeBalancer({ name: "edge", state }),
  ]);
  const gone = { ...SERVED, secretName: parseSecretName("LE_GONE") };
  const { record } = heldCertificate();
  await kit.records.certificates.put(record.intent.secretName, record, CALL);
  await kit.records.deployments.put(`infra/lb ${gone.secretName}`, gone, CALL);
  await kit.records.deployments.put(`infra/lb ${SERVED.secretName}`, SERVED, CALL);
  const [lb, edge] = await kit.service.balancers(CALL);
  assertEquals(lb?.certificates.map((it) => [it.subject, it.deployment.secretName]), [
    [undefined, "LE_GONE"],
    ["example.com", "LE_CERTIFICATE_example_com"],
  ]);
  assertEquals([lb?.challenges, edge?.challenges], [["http-01", "tls-alpn-01"], ["http-01"]]);
  assertEquals(edge?.certificates, []);
});

const routes = (parts: readonly WiringPart[] | undefined): readonly unknown[] =>
  (parts ?? []).filter((it) => it.part.endsWith(" route")).map(({ part, state, found }) => [part, state, found]);

const SEEN = "an answer that was put up was seen through the balancer";

Deno.test("check() tries both ways by their solvers, and leaves nothing", async () => {
  const alpn = fakeAlpn();
  const kit: Kit = kitOf([fakeBalancer({ name: "lb", alpn, ...wiring(OK), ...wired(() => kit) })]);
  assertEquals(routes(await kit.service.check("lb", CALL)), [
    ["http-01 route", "ok", SEEN],
    ["tls-alpn-01 route", "ok", SEEN],
  ]);
  assertEquals([kit.published.size, alpn.served.size], [0, 0]);
});

const MISSING: WiringPart = { part: "TLS", state: "missing", found: "no", carries: ["tls-alpn-01"] };

for (
  const [why, abilities, parts, options, expected] of [
    ["http= is not known", {}, [OK], {}, [
      ["http-01 route", "untried", "http= is not set, so nobody but the CA can tell"],
      ["tls-alpn-01 route", "untried", "balancer lb has no acme-tls/1 frontend that is known"],
    ]],
    ["CHALLENGE names another", { alpn: fakeAlpn() }, [OK], { challenges: ["dns-01"] }, [
      ["http-01 route", "untried", "CHALLENGE does not name http-01"],
      ["tls-alpn-01 route", "untried", "CHALLENGE does not name tls-alpn-01"],
    ]],
    ["a part is missing that carries it", { alpn: fakeAlpn() }, [OK, MISSING], { challenges: ["tls-alpn-01"] }, [
      ["http-01 route", "untried", "CHALLENGE does not name http-01"],
      ["tls-alpn-01 route", "untried", `it stands on "TLS", which is missing`],
    ]],
    ["it never can", { noAlpn: "it is too old" }, [OK], { challenges: ["tls-alpn-01"] }, [
      ["http-01 route", "untried", "CHALLENGE does not name http-01"],
      ["tls-alpn-01 route", "untried", "it is too old"],
    ]],
  ] as const
) {
  Deno.test(`check() does not try a way where ${why}`, async () => {
    const { service } = kitOf([fakeBalancer({ name: "lb", ...abilities, ...wiring(...parts) })], options);
    assertEquals(routes(await service.check("lb", CALL)), expected);
  });
}

Deno.test("check() takes back what a presentation that failed has left", async () => {
  const alpn = fakeAlpn();
  const closed: string[] = [];
  const kit: Kit = kitOf([fakeBalancer({
    name: "lb",
    alpn: { ...alpn, answer: async (it) => (await alpn.answer(it, CALL), Promise.reject(new Error("half done"))) },
    routes: {
      settleMs: 0,
      todo: "look at etcd",
      open: () => Promise.reject(new Error("etcd is away")),
      close: (name) => Promise.resolve(void closed.push(name)),
    },
    ...wiring(OK),
    ...wired(() => kit),
  })]);
  assertEquals(routes(await kit.service.check("lb", CALL)), [
    ["http-01 route", "missing", "etcd is away"],
    ["tls-alpn-01 route", "missing", "half done"],
  ]);
  assertEquals([kit.published.size, alpn.served.size], [0, 0]);
  assert(closed.every((name) => /^wiring-[0-9a-f]{16}\.invalid$/.test(name)) && closed.length > 0, closed.join());
});

Deno.test("check() ends with the sidecar, and takes down what is up", async () => {
  const control = new AbortController();
  const asked = Promise.withResolvers<void>();
  const kit: Kit = kitOf([fakeBalancer({
    name: "lb",
    ...wiring(OK),
    http: (_name, _path, { signal }) => {
      asked.resolve();
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  })], { lifetime: control.signal });
  const checking = kit.service.check("lb", CALL);
  await asked.promise;
  assertEquals(kit.published.size, 1);
  control.abort(new Error("stopping"));
  await assertRejects(() => checking, Error, "stopping");
  await kit.service.landed();
  assertEquals(kit.published.size, 0);
});

Deno.test("check() of a balancer is one, however many ask for it", async () => {
  let checks = 0;
  const check = (): Promise<readonly WiringPart[]> => Promise.resolve(checks++ < 9 ? [OK] : []);
  const { service } = kitOf([
    fakeBalancer({ name: "lb", wiring: { check, lines: () => Promise.resolve("") } }),
  ], { challenges: [] });
  await Promise.all([service.check("lb", CALL), service.check("null/lb", CALL)]);
  assertEquals(checks, 1);
});

Deno.test("check() is carried on, and taken down, when the caller goes away", async () => {
  const caller = new AbortController();
  const kit: Kit = kitOf([fakeBalancer({ name: "lb", ...wiring(OK), ...wired(() => kit) })]);
  const checking = kit.service.check("lb", caller);
  caller.abort(new Error("gone"));
  await assertRejects(() => checking, Error, "gone");
  await kit.service.landed();
  assertEquals(kit.published.size, 0);
});
