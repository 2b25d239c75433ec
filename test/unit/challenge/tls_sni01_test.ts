import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { type TlsSni01Parts, tlsSni01Solver } from "../../../src/challenge/tls_sni01.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import { sniSecretName } from "../../../src/model/secret_name.ts";
import type { Call, ChallengeAnswer, LoadBalancer, SniAnswering } from "../../../src/ports.ts";
import { memoryVault } from "../../../src/vault/memory_vault.ts";
import { fakeClock } from "../../support/fake_clock.ts";
import { CALL, fakeBalancer, type FakeSni, fakeSni } from "../../support/fakes.ts";
import { NOW } from "../../support/test_chain.ts";

const NAME = parseDnsName("api.example.com");
const SECRET = sniSecretName(NAME);
const Z = "bd9ecf346d99b3ad6980b9af7e43999a.7e0ad417b9a4ec2a6ae85d4013565129.acme.invalid";
const ANSWER = {
  type: "tls-sni-01",
  name: NAME,
  token: "token123",
  keyAuthorization: "token123.thumbprint456",
  balancer: "lb",
} satisfies ChallengeAnswer;
const { balancer: _, ...UNLINKED } = ANSWER;

/** A balancer that shows what `places` serve. */
function seeing(places: readonly FakeSni[], abilities: Partial<LoadBalancer> = {}): LoadBalancer {
  return fakeBalancer({
    served: (names) =>
      Promise.resolve(names.flatMap((name) => {
        const found = places.flatMap((it) => [...it.served.values()]).find((it) => it.serverName === name);
        return found === undefined ? [] : [{ name, fingerprint: found.fingerprint, serial: "01" }];
      })),
    ...abilities,
  });
}

function parts(lb: LoadBalancer | undefined, listener?: SniAnswering): TlsSni01Parts {
  const balancers = new Map(lb === undefined ? [] : [["lb", lb]]);
  return { balancers, vault: memoryVault(fakeClock()), now: () => NOW, ...listener === undefined ? {} : { listener } };
}

/** Without a final line's end, as vaults keep values. */
const secretIn = async ({ vault }: TlsSni01Parts): Promise<string | undefined> =>
  (await (vault as ReturnType<typeof memoryVault>).read(SECRET, CALL))?.value;

Deno.test("tlsSni01Solver() keeps the certificate as LE_TLS_SNI_<domain> and has the balancer serve it until it is disposed of", async () => {
  const sni = fakeSni();
  const it = parts(seeing([sni], { sni }));
  const solver = tlsSni01Solver(it);
  assertEquals([solver.type, SECRET] as string[], ["tls-sni-01", "LE_TLS_SNI_api_example_com"]);
  const presented = await solver.present(ANSWER, CALL);
  const served = sni.served.get(NAME)!;
  assertEquals(served.serverName as string, Z);
  assertEquals(new X509Certificate(served.pem).subjectAltName, `DNS:${Z}`);
  assertEquals(await secretIn(it), served.pem.trimEnd());
  assertMatch(served.pem, /-----BEGIN PRIVATE KEY-----/);
  await presented.settled(CALL);
  await presented[Symbol.asyncDispose]();
  await presented[Symbol.asyncDispose]();
  assertEquals([sni.served.size, await secretIn(it)], [0, undefined]);
});

Deno.test("tlsSni01Solver() cleans up what a process before it presented", async () => {
  const sni = fakeSni();
  const it = parts(seeing([sni], { sni }));
  await tlsSni01Solver(it).present(ANSWER, CALL);
  await (await tlsSni01Solver(it).present(ANSWER, CALL))[Symbol.asyncDispose]();
  assertEquals([sni.served.size, await secretIn(it)], [0, undefined]);
});

Deno.test("tlsSni01Solver() keeps the certificate before anybody serves it", async () => {
  const sni = fakeSni();
  const kept: unknown[] = [];
  const it = parts(seeing([sni], {
    sni: {
      ...sni,
      answer: async (certificate, call) => {
        kept.push(await secretIn(it));
        await sni.answer(certificate, call);
      },
    },
  }));
  await tlsSni01Solver(it).present(ANSWER, CALL);
  assertEquals(kept, [sni.served.get(NAME)?.pem.trimEnd()]);
});

for (
  const [why, linked, answer, hasListener, places] of [
    ["the balancer", true, ANSWER, false, ["balancer"]],
    ["the balancer and the sidecar, whichever it routes to", true, ANSWER, true, ["balancer", "listener"]],
    ["the sidecar for a balancer that cannot", false, ANSWER, true, ["listener"]],
    ["the sidecar where no balancer is linked", true, UNLINKED, true, ["listener"]],
  ] as const
) {
  Deno.test(`tlsSni01Solver() has it served by ${why}`, async () => {
    const [balancer, listener] = [fakeSni(), fakeSni()];
    const lb = seeing([balancer, listener], linked ? { sni: balancer } : {});
    const solver = tlsSni01Solver(parts(lb, hasListener ? listener : undefined));
    assertEquals(solver.obstacle?.(answer), undefined);
    const presented = await solver.present(answer, CALL);
    const serving = Object.entries({ balancer, listener }).filter(([, it]) => it.served.size === 1);
    assertEquals(serving.map(([name]) => name), [...places]);
    await presented.settled(CALL);
    await presented[Symbol.asyncDispose]();
    assertEquals([balancer.served.size, listener.served.size], [0, 0]);
  });
}

Deno.test("tlsSni01Solver() is not settled while another certificate or none answers through the balancer", async () => {
  const sni = fakeSni();
  const lb = seeing([sni], { sni });
  const former = await tlsSni01Solver(parts(lb)).present(ANSWER, CALL);
  const later = await tlsSni01Solver(parts(lb)).present(ANSWER, CALL);
  await later.settled(CALL);
  const rejection = async (part: string): Promise<string> => {
    const error = await assertRejects(() => former.settled(CALL), SidecarError, part);
    return `${error.code} ${error.field}`;
  };
  assertEquals(await rejection("another certificate answers (serial 01)"), "CHALLENGE_NOT_READY challenge");
  sni.served.clear();
  assertEquals(await rejection("it has no certificate for the challenge's name"), "CHALLENGE_NOT_READY challenge");
});

Deno.test("tlsSni01Solver() is not settled where the balancer does not answer, and says why", async () => {
  const sni = fakeSni();
  const lb = fakeBalancer({ sni, served: () => Promise.reject(new Error("connection refused")) });
  const presented = await tlsSni01Solver(parts(lb)).present(ANSWER, CALL);
  const error = await assertRejects(() => presented.settled(CALL), SidecarError, "it does not answer");
  assertEquals([error.code, (error.cause as Error).message], ["CHALLENGE_NOT_READY", "connection refused"]);
  const signal = AbortSignal.abort(new RangeError("enough"));
  await assertRejects(() => presented.settled({ signal }), RangeError, "enough");
});

Deno.test("tlsSni01Solver() goes on with one place where another fails, and tells of it if nothing is seen", async () => {
  const listener = fakeSni();
  const broken = { ...fakeSni(), answer: () => Promise.reject(new Error("HAProxy does not load /certs")) };
  const presented = await tlsSni01Solver(parts(seeing([], { sni: broken }), listener)).present(ANSWER, CALL);
  assertEquals(listener.served.size, 1);
  const error = await assertRejects(() => presented.settled(CALL), SidecarError, "it has no certificate");
  assertEquals((error.cause as Error).message, "HAProxy does not load /certs");
});

Deno.test("tlsSni01Solver() leaves nothing behind where nobody takes the certificate", async () => {
  const sni = { ...fakeSni(), answer: () => Promise.reject(new Error("refused")) };
  const it = parts(seeing([], { sni }));
  await assertRejects(() => tlsSni01Solver(it).present(ANSWER, CALL), Error, "refused");
  assertEquals(await secretIn(it), undefined);
});

Deno.test("tlsSni01Solver() takes down everything it can, then reports what it could not", async () => {
  const listener = fakeSni();
  const sni = { ...fakeSni(), withdraw: () => Promise.reject(new Error("the balancer is away")) };
  const it = parts(seeing([], { sni }), listener);
  const presented = await tlsSni01Solver(it).present(ANSWER, CALL);
  await assertRejects(async () => await presented[Symbol.asyncDispose](), Error, "the balancer is away");
  assertEquals([listener.served.size, await secretIn(it)], [0, undefined]);
});

Deno.test("tlsSni01Solver() says in the original's words that the vault did not take the secret", async () => {
  const sni = fakeSni();
  const cause = new SidecarError("VAULT_UNAVAILABLE", "disk full");
  const vault = { write: () => Promise.reject(cause), remove: () => Promise.resolve(false) };
  const solver = tlsSni01Solver({ ...parts(seeing([], { sni })), vault });
  const error = await assertRejects(() => solver.present(ANSWER, CALL), SidecarError);
  assertEquals([error.field, error.message, error.cause], [
    "tls_sni_secret",
    "Failed to store the needed tls-sni-01 secret",
    cause,
  ]);
  assertEquals(sni.served.size, 0);
});

for (const where of ["the vault", "a place"] as const) {
  Deno.test(`tlsSni01Solver() ends with the caller's reason when ${where} ends on it, and takes all down`, async () => {
    const control = new AbortController();
    const stop = (): Promise<never> => {
      control.abort(new RangeError("enough"));
      return Promise.reject(new Error("a wrapped abort"));
    };
    const listener = fakeSni();
    const sni = where === "a place" ? { ...fakeSni(), answer: stop } : fakeSni();
    const it = parts(seeing([], { sni }), listener);
    const { vault } = it;
    const halting = { write: stop, remove: vault.remove.bind(vault) };
    const solver = tlsSni01Solver({ ...it, vault: where === "the vault" ? halting : vault });
    await assertRejects(() => solver.present(ANSWER, control), RangeError, "enough");
    assertEquals([listener.served.size, await secretIn(it)], [0, undefined]);
  });
}

Deno.test("tlsSni01Solver() withdraws under a deadline of its own", async () => {
  const signals: AbortSignal[] = [];
  const withdraw = (_: unknown, { signal }: Call): Promise<void> => Promise.resolve(void signals.push(signal));
  const solver = tlsSni01Solver(parts(seeing([], { sni: { ...fakeSni(), withdraw } })));
  const control = new AbortController();
  const presented = await solver.present(ANSWER, control);
  control.abort();
  await presented[Symbol.asyncDispose]();
  assertEquals(signals.map((signal) => signal.aborted), [false]);
});

for (
  const [why, answer, lb, message, todo] of [
    [
      "no linked balancer",
      UNLINKED,
      seeing([], { sni: fakeSni() }),
      "Service link needs to be given for the tls-sni-01 authorization type",
      "set CHALLENGE_TLS_LISTEN",
    ],
    ["no balancer at all", ANSWER, undefined, 'there is no balancer "lb"', "LOAD_BALANCERS"],
    ["an unknown balancer", { ...ANSWER, balancer: "edge" }, seeing([]), 'no balancer "edge"', "configured are: lb"],
    ["a balancer without the ability", ANSWER, seeing([]), "lb cannot serve a challenge", "CHALLENGE_TLS_LISTEN"],
  ] as const
) {
  Deno.test(`tlsSni01Solver() refuses ${why}, and forgets the secret of an earlier presenting`, async () => {
    const it = parts(lb);
    await it.vault.write([{ name: SECRET, value: "from before" }], CALL);
    const solver = tlsSni01Solver(it);
    const error = await assertRejects(() => solver.present(answer, CALL), SidecarError, message);
    assertEquals([error.code, error.field], ["BALANCER_CONFIG", "linked_service"]);
    assertStringIncludes(error.todo ?? "", todo);
    assertEquals(solver.obstacle?.(answer)?.message, error.message);
    assertEquals(await secretIn(it), undefined);
  });
}
