import { assertEquals, assertRejects } from "@std/assert";
import { once } from "node:events";
import { connect } from "node:tls";
import { visit } from "../../scripts/demo/visit.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { sniFile } from "../../plugin/certs/sni_file.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";
import { sniListener } from "../../plugin/net/sni_listener.ts";
import { probe } from "../../plugin/net/tls_probe.ts";
import { tlsSni01Solver } from "../../src/challenge/tls_sni01.ts";
import { bundlePem } from "../../src/model/certificate.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { SidecarError } from "../../src/model/errors.ts";
import { sniSecretName } from "../../src/model/secret_name.ts";
import type { Call, ChallengeAnswer, Event, LoadBalancer, SniAnswering } from "../../src/ports.ts";
import { memoryVault } from "../../src/vault/memory_vault.ts";
import { sniChallengeCertificate, sniChallengeName } from "../../src/x509/sni_challenge_certificate.ts";
import { fakeClock } from "../support/fake_clock.ts";
import { CALL } from "../support/fakes.ts";
import { type HaproxyOptions, startHaproxy, type TestHaproxy } from "../support/haproxy.ts";
import { testPki } from "../support/pki.ts";
import { freePort, has, listening, until } from "../support/process.ts";

const PKI = testPki();
const NAME = parseDnsName("a.example.com");
const OTHER = parseDnsName("b.example.com");
const PRODUCTION = PKI.issue([NAME]);
const FILE = "LE_CERTIFICATE_a_example_com.pem";
const MODES = ["directory", "crt-list"] as const;

interface Kit {
  readonly haproxy: TestHaproxy;
  readonly lb: LoadBalancer;
  readonly sni: SniAnswering;
  readonly events: readonly Event[];
}

function test(name: string, options: HaproxyOptions, run: (kit: Kit) => Promise<void>): void {
  Deno.test({
    name: `${name} [needs haproxy]`,
    ignore: !has("haproxy"),
    async fn(): Promise<void> {
      await using haproxy = await startHaproxy({ files: { [FILE]: bundlePem(PRODUCTION) }, ...options });
      const events: Event[] = [];
      const clock = {
        ...fakeClock(),
        sleep: (ms: number, _: Call) => new Promise<void>((done) => setTimeout(done, ms)),
      };
      const lb = haproxyBalancer(parseHaproxy("lb", haproxy.url()), {
        clock,
        events: { emit: (it) => events.push(it) },
      });
      if (lb.sni === undefined) throw new Error("it cannot answer tls-sni-01");
      await run({ haproxy, lb, sni: lb.sni, events });
    },
  });
}

async function fingerprintOf({ httpsPort: port }: TestHaproxy, serverName: string): Promise<string> {
  return (await probe({ hostname: "127.0.0.1", port }, { serverName }, CALL)).fingerprint;
}

/** What a client gets that names nobody. */
async function withoutName({ httpsPort: port }: TestHaproxy): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  try {
    await once(socket, "secureConnect");
    return socket.getPeerCertificate().fingerprint256.replaceAll(":", "").toLowerCase();
  } finally {
    socket.destroy();
    await once(socket, "close");
  }
}

/** Who answers everybody but the CA. */
async function ordinary(haproxy: TestHaproxy): Promise<Readonly<Record<string, string>>> {
  return {
    name: await fingerprintOf(haproxy, NAME),
    unknown: await fingerprintOf(haproxy, "unknown.example.org"),
    invalid: await fingerprintOf(haproxy, "x.acme.invalid"),
    none: await withoutName(haproxy),
  };
}

/** The list's entries by file name, in HAProxy's order. */
async function entries({ layout, list, certs, ask }: TestHaproxy): Promise<readonly string[]> {
  const reply = await ask(`show ssl crt-list -n ${layout.mode === "directory" ? certs : list}`);
  return reply.split("\n").flatMap((line) => /([^/\s]+\.pem):\d+/.exec(line)?.[1] ?? []);
}

async function loaded(haproxy: TestHaproxy): Promise<boolean> {
  return (await haproxy.ask("show ssl cert")).includes("acme-sni");
}

const files = ({ certs }: TestHaproxy): readonly string[] => [...Deno.readDirSync(certs)].map((it) => it.name).sort();

for (const mode of MODES) {
  test(
    `sni serves a challenge certificate under its name and changes nothing else (${mode})`,
    { mode },
    async (kit) => {
      const { haproxy, sni, events } = kit;
      const before = await ordinary(haproxy);
      const [disk, list] = [files(haproxy), await entries(haproxy)];
      assertEquals(before["name"], PRODUCTION.facts.fingerprint);
      assertEquals([before["invalid"], before["none"]], [before["unknown"], before["unknown"]]);
      const one = await sniChallengeCertificate(NAME, "one.x", new Date());
      const two = await sniChallengeCertificate(OTHER, "two.x", new Date());
      await Promise.all([sni.answer(one, CALL), sni.answer(two, CALL)]);
      await sni.answer(one, CALL);
      assertEquals(await fingerprintOf(haproxy, one.serverName), one.fingerprint);
      assertEquals(await fingerprintOf(haproxy, two.serverName), two.fingerprint);
      assertEquals(await ordinary(haproxy), before);
      assertEquals([files(haproxy), (await entries(haproxy)).length], [disk, list.length + 2]);
      for (const name of [NAME, OTHER]) {
        await sni.withdraw(name, CALL);
        await sni.withdraw(name, CALL);
      }
      assertEquals(await fingerprintOf(haproxy, one.serverName), before["unknown"]);
      assertEquals([await ordinary(haproxy), await entries(haproxy), await loaded(haproxy)], [before, list, false]);
      assertEquals([(await haproxy.ask("show ssl cert")).includes("# transaction"), events], [false, []]);
    },
  );

  test(
    `sni replaces the certificate of a name that is authorized again (${mode})`,
    { mode },
    async ({ haproxy, sni }) => {
      const before = await ordinary(haproxy);
      const [former, later] = await Promise.all(
        ["former.x", "later.x"].map((it) => sniChallengeCertificate(NAME, it, new Date())),
      );
      await sni.answer(former!, CALL);
      const count = (await entries(haproxy)).length;
      await sni.answer(later!, CALL);
      assertEquals(await fingerprintOf(haproxy, later!.serverName), later!.fingerprint);
      assertEquals(await fingerprintOf(haproxy, former!.serverName), before["unknown"]);
      assertEquals([(await entries(haproxy)).length, await ordinary(haproxy)], [count, before]);
    },
  );

  test(`sni is sorted last, gone after a reload, and put in again (${mode})`, { mode }, async ({ haproxy, sni }) => {
    const before = await ordinary(haproxy);
    const certificate = await sniChallengeCertificate(NAME, "one.x", new Date());
    const last = async (): Promise<void> => {
      const all = await entries(haproxy);
      assertEquals([all.at(-1), all.toSorted().at(-1)], [sniFile(NAME), sniFile(NAME)]);
    };
    await sni.answer(certificate, CALL);
    await last();
    await haproxy.reload();
    assertEquals([await loaded(haproxy), await ordinary(haproxy)], [false, before]);
    assertEquals(await fingerprintOf(haproxy, certificate.serverName), before["unknown"]);
    await sni.answer(certificate, CALL);
    await last();
    assertEquals(await fingerprintOf(haproxy, certificate.serverName), certificate.fingerprint);
    assertEquals(await ordinary(haproxy), before);
    await haproxy.reload();
    await sni.withdraw(NAME, CALL);
    assertEquals([await loaded(haproxy), (await haproxy.check()).code], [false, 0]);
  });

  test(
    `sni goes in and out 20 times, production requests failed: 0 (${mode})`,
    { mode },
    async ({ haproxy, sni, lb }) => {
      const tally: Tally = { requests: 0, failed: [] };
      const more = async (): Promise<void> => {
        const now = tally.requests;
        await until("two requests", () => tally.requests >= now + 2);
      };
      const stop = new AbortController();
      const load = Promise.all([1, 2].map(() => visits(haproxy, tally, stop.signal)));
      const before = await ordinary(haproxy);
      for (let round = 0; round < 20; round++) {
        const certificate = await sniChallengeCertificate(NAME, `${round}.x`, new Date());
        await sni.answer(certificate, CALL);
        assertEquals((await lb.served([certificate.serverName], CALL))[0]?.fingerprint, certificate.fingerprint);
        await more();
        await sni.withdraw(NAME, CALL);
        await more();
      }
      stop.abort();
      await load;
      assertEquals(tally.failed, []);
      assertEquals([await loaded(haproxy), await ordinary(haproxy)], [false, before]);
    },
  );
}

/** New connections, one request each, that trust nobody but the authority of the production certificate. */
async function visits({ httpsPort: port }: TestHaproxy, tally: Tally, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await visit({ port, roots: [PKI.rootPem] }, NAME).catch((error) => tally.failed.push(String(error)));
    tally.requests++;
  }
}

interface Tally {
  requests: number;
  readonly failed: string[];
}

test("sni and a swap on the same socket do not get in each other's way", {}, async ({ haproxy, lb, sni, events }) => {
  const bundle = PKI.issue([NAME]);
  const certificate = await sniChallengeCertificate(NAME, "one.x", new Date());
  const [report] = await Promise.all([lb.swap({ file: FILE, bundle }, CALL), sni.answer(certificate, CALL)]);
  assertEquals([report.kind, events], ["replaced", []]);
  assertEquals(await fingerprintOf(haproxy, certificate.serverName), certificate.fingerprint);
  assertEquals(await fingerprintOf(haproxy, NAME), bundle.facts.fingerprint);
});

for (const steps of [["new"], ["new", "set"], ["new", "set", "commit"]]) {
  test(
    `sni recovers what a process left that was killed after ${steps.join(", ")}`,
    {},
    async ({ haproxy, sni, events }) => {
      const path = `${haproxy.certs}/${sniFile(NAME)}`;
      const { pem } = await sniChallengeCertificate(NAME, "former.x", new Date());
      for (const step of steps) {
        await haproxy.ask(step === "set" ? `set ssl cert ${path} <<\n${pem}` : `${step} ssl cert ${path}`);
      }
      const certificate = await sniChallengeCertificate(NAME, "one.x", new Date());
      await sni.answer(certificate, CALL);
      assertEquals(await fingerprintOf(haproxy, certificate.serverName), certificate.fingerprint);
      // Our own, so it is not waited for.
      assertEquals(events.map((it) => it.level), steps.at(-1) === "set" ? ["info"] : []);
      await sni.withdraw(NAME, CALL);
      assertEquals([await loaded(haproxy), (await haproxy.ask("show ssl cert")).includes("# transaction")], [
        false,
        false,
      ]);
    },
  );
}

test("sni refuses a directory that HAProxy does not load, and has nothing to take away there", {}, async (kit) => {
  const url = kit.haproxy.url({ certs: "/usr/share" });
  const { sni } = haproxyBalancer(parseHaproxy("lb", url), { clock: fakeClock(), events: { emit(): void {} } });
  const certificate = await sniChallengeCertificate(NAME, "one.x", new Date());
  const error = await assertRejects(
    async () => await sni?.answer(certificate, CALL),
    SidecarError,
    "does not load /usr/share",
  );
  assertEquals(error.code, "BALANCER_CONFIG");
  await sni?.withdraw(NAME, CALL);
});

// --- the whole way, as the CA takes it -----------------------------------------------------------------------------------

const ANSWER = {
  type: "tls-sni-01",
  name: NAME,
  token: "token123",
  keyAuthorization: "token123.thumbprint456",
  balancer: "lb",
} satisfies ChallengeAnswer;

/** The challenge's check: the leaf under that name has it for a dNSName. */
async function accepted({ httpsPort: port }: TestHaproxy): Promise<boolean> {
  const serverName = sniChallengeName(ANSWER.keyAuthorization);
  const socket = connect({ host: "127.0.0.1", port, servername: serverName, rejectUnauthorized: false });
  try {
    await Promise.race([once(socket, "secureConnect"), once(socket, "error")]);
    return socket.getPeerCertificate().subjectaltname === `DNS:${serverName}`;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

const SNI_PORT = freePort();

for (
  const [way, options] of [
    ["HAProxy (directory)", { mode: "directory" }],
    ["HAProxy (crt-list)", { mode: "crt-list" }],
    ["the sidecar behind a route", { sniPort: SNI_PORT }],
  ] as const
) {
  test(`tlsSni01Solver() is answered by ${way}, and leaves nothing behind`, options, async ({ haproxy, lb }) => {
    await using listener = sniListener({ hostname: "127.0.0.1", port: SNI_PORT });
    const vault = memoryVault(fakeClock());
    const others = async (): Promise<
      readonly string[]
    > => [
      await fingerprintOf(haproxy, NAME),
      await fingerprintOf(haproxy, "unknown.example.org"),
      await withoutName(haproxy),
    ];
    const before = await others();
    const routed = "sniPort" in options;
    const parts = { balancers: new Map([["lb", lb]]), vault, now: () => new Date() };
    const solver = tlsSni01Solver(routed ? { ...parts, listener } : parts);
    assertEquals(await accepted(haproxy), false);
    {
      await using presented = await solver.present(ANSWER, CALL);
      await presented.settled(CALL);
      assertEquals([await accepted(haproxy), await listening(SNI_PORT)], [true, routed]);
      assertEquals((await vault.list(CALL)).map((it) => it.name), [sniSecretName(NAME)]);
      assertEquals(await others(), before);
    }
    assertEquals([await accepted(haproxy), await listening(SNI_PORT), await loaded(haproxy)], [false, false, false]);
    assertEquals([await vault.list(CALL), await others()], [[], before]);
  });
}

test(
  "tlsSni01Solver() is not settled where names below acme.invalid go elsewhere",
  { sniPort: freePort() },
  async (kit) => {
    const parts = { balancers: new Map([["lb", kit.lb]]), vault: memoryVault(fakeClock()), now: () => new Date() };
    await using presented = await tlsSni01Solver(parts).present(ANSWER, CALL);
    const error = await assertRejects(() => presented.settled(CALL), SidecarError, "does not answer tls-sni-01");
    assertEquals(error.code, "CHALLENGE_NOT_READY");
  },
);
