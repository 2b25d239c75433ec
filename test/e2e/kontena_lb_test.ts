import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { PLACEHOLDER } from "../../plugin/certs/placeholder.ts";
import { probe } from "../../plugin/net/tls_probe.ts";
import { startAuthority } from "../ca/mod.ts";
import { CALL } from "../support/fakes.ts";
import { type KontenaKit, namesIn, ROOT_KEY, startKontenaKit } from "../support/kontena_kit.ts";
import { swapsUnderLoad } from "../support/kontena_load.ts";
import { kontenaE2e, startKontenaStage } from "../support/kontena_stage.ts";
import { has, until } from "../support/process.ts";
import { startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";
import { madeBy } from "../support/stage.ts";

const NAMES = ["www.example.com", "example.com"] as const;
const FILE = "LE_CERTIFICATE_www_example_com.pem";
const REVISION = `${ROOT_KEY}/services/kontena-certificates/custom_settings`;

async function served({ lb }: KontenaKit, serverName: string): Promise<string> {
  return (await probe({ hostname: "127.0.0.1", port: lb.httpsPort }, { serverName }, CALL)).fingerprint;
}

/** Milliseconds from an event to the next one of another name, by the log's own time. */
function between(sidecar: TestSidecar, from: string, to: string): readonly number[] {
  const times = (name: string): readonly number[] =>
    sidecar.events().filter((it) => it["event"] === name).map((it) => Date.parse(String(it["time"])));
  const ends = times(to);
  return times(from).map((at, i) => (ends[i] ?? Infinity) - at);
}

kontenaE2e(
  "names in, certificate served by an unmodified Kontena LB: http-01 through etcd, file and reload",
  async () => {
    // A site of somebody else's, whose route for all paths must not swallow the challenge.
    await using stage = await startKontenaStage({ pollMs: 1_000 });
    const { kit, env, challengePort, pebble } = stage;
    for (const name of NAMES) await kit.etcd.put(`${ROOT_KEY}/services/site/virtual_hosts`, name);
    const foreign = await kit.etcd.keys(ROOT_KEY);
    await using sidecar = await startSidecarProcess({ env, challengePort });
    await sidecar.ok("certificate", "register", "--agree-tos", "you@example.com");
    for (const name of NAMES) {
      assertMatch(
        await sidecar.ok("certificate", "authorize", "--auth-type", "http-01", "--lb-link", "infra/lb", name),
        /^Authorization successfully created/,
      );
    }
    assertStringIncludes(await sidecar.ok("certificate", "get", ...NAMES), `Served by infra/lb: ${NAMES.join(", ")}`);
    const first = await served(kit, NAMES[1]);
    assertStringIncludes(await sidecar.ok("certificate", "get", ...NAMES), "Served by infra/lb");
    assertNotEquals(await served(kit, NAMES[1]), first);
    assertEquals((await madeBy(pebble)).certificates, 2);
    for (const ms of between(sidecar, "certificate.stored", "certificate.served")) {
      assert(
        ms < 5_000,
        `served after ${ms} ms`,
      );
    }
    assertEquals(between(sidecar, "certificate.stored", "certificate.served").length, 2);
    assertEquals(namesIn(kit.certs), [PLACEHOLDER, FILE]);
    await until("the route is gone", async () => (await kit.etcd.keys(ROOT_KEY)).length === foreign.length + 1);
    assertEquals(await kit.etcd.keys(ROOT_KEY), [REVISION, ...foreign].sort());

    const refused = await sidecar.kontena("certificate", "authorize", "--type", "tls-alpn-01", "new.example.com");
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.stderr, "cannot route by ALPN; it answers http-01 and tls-sni-01");
    assertEquals(await sidecar.stop(), 0);
  },
);

kontenaE2e("a sidecar that starts before etcd and LB: says what is missing, and heals", async () => {
  await using stage = await startKontenaStage();
  const { kit, env, challengePort } = stage;
  await kit.etcd.stop();
  await using sidecar = await startSidecarProcess({
    challengePort,
    env: { ...env, ACME_AGREE_TOS: "true", CERTIFICATES: NAMES[0], CHALLENGE: "http-01" },
  });
  await until("etcd is missed", async () => (await sidecar.ask("/ready")).text.includes("etcd at"));
  await served(kit, NAMES[0]); // what was served is served
  await kit.etcd.restart();
  await until("it is served", () => sidecar.events().some((it) => it["event"] === "certificate.served"), 120_000);
  assertEquals((await sidecar.ask("/ready")).text, '{"ready":true,"missing":[]}');
  assertEquals(namesIn(kit.certs), [PLACEHOLDER, FILE]);
});

Deno.test({
  name: "tls-sni-01 as the original documentation has it, on an unmodified Kontena LB [needs haproxy, etcd]",
  ignore: !has("haproxy", "etcd"),
  async fn(): Promise<void> {
    await using kit = await startKontenaKit();
    await using authority = await startAuthority({ tlsPort: kit.lb.httpsPort, httpPort: kit.lb.httpPort });
    await using sidecar = await startSidecarProcess({
      env: { ACME_DIRECTORY_URL: authority.directory.href, LOAD_BALANCERS: `infra/lb=${kit.url()}` },
    });
    const before = await served(kit, "unknown.example.org");
    await sidecar.ok("certificate", "register", "--agree-tos", "you@example.com");
    await sidecar.ok("certificate", "authorize", "--auth-type", "tls-sni-01", "--lb-link", "infra/lb", NAMES[0]);
    assertMatch(namesIn(kit.certs).at(-1) ?? "", /^zz-acme-sni-/);
    assertStringIncludes(await sidecar.ok("certificate", "get", NAMES[0]), "Served by infra/lb");
    assertEquals(namesIn(kit.certs), [PLACEHOLDER, FILE]);
    assertEquals(await served(kit, "unknown.example.org"), before, "the default certificate is the same");
  },
});

Deno.test({
  name:
    "2,000 requests with new connections during 6 swaps on an unmodified Kontena LB: none fails [needs haproxy, etcd]",
  ignore: !has("haproxy", "etcd"),
  async fn(): Promise<void> {
    await using kit = await startKontenaKit({ pollMs: 1_000 });
    const { tally, swapMs } = await swapsUnderLoad(kit, { swaps: 6, requests: 2_000 });
    assertEquals([tally.failed, tally.reasons], [0, []]);
    assert(tally.made >= 2_000);
    assertEquals(tally.serials.size, 7, "every certificate was met by a visitor");
    assertEquals(swapMs.length, 6);
    await until("seven reloads", () => kit.lb.reloads >= 7); // each is counted once it is over
  },
});
