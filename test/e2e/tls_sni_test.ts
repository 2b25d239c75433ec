import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { bundlePem } from "../../src/model/certificate.ts";
import { CALL } from "../support/fakes.ts";
import { startAuthority, type TestAuthority } from "../ca/mod.ts";
import { probe } from "../../plugin/net/tls_probe.ts";
import { startHaproxy, type TestHaproxy } from "../support/haproxy.ts";
import { testPki } from "../support/pki.ts";
import { freePort, has, listening } from "../support/process.ts";
import { openStores, startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";

const NAME = "api.example.com";
const SECRET = "LE_TLS_SNI_api_example_com";
const AUTHORIZE = ["certificate", "authorize", "--auth-type", "tls-sni-01", "--lb-link", "infra/lb", NAME] as const;
const OTHER = testPki().issue(["other.example.com"]);

interface Scene {
  readonly haproxy: TestHaproxy;
  readonly authority: TestAuthority;
  readonly sniPort: number;
  start(folder?: string): Promise<TestSidecar>;
}

/** `routed`: names below acme.invalid go to the sidecar's own listener, else HAProxy answers them itself. */
function test(
  name: string,
  { routed = false, ...options }: {
    readonly routed?: boolean;
    readonly tlsPort?: number;
    readonly offers?: ["http-01"];
  },
  run: (scene: Scene) => Promise<void>,
): void {
  Deno.test({
    name: `${name} [needs haproxy]`,
    ignore: !has("haproxy"),
    async fn(): Promise<void> {
      const sniPort = freePort();
      const files = { "other.pem": bundlePem(OTHER) };
      await using haproxy = await startHaproxy({ files, ...routed ? { sniPort } : {} });
      await using authority = await startAuthority({
        tlsPort: options.tlsPort ?? haproxy.httpsPort,
        httpPort: haproxy.httpPort,
        ...options.offers === undefined ? {} : { challenges: options.offers },
      });
      const env = {
        ACME_DIRECTORY_URL: authority.directory.href,
        LOAD_BALANCERS: `infra/lb=${haproxy.url()}`,
        ...routed ? { CHALLENGE_TLS_LISTEN: `127.0.0.1:${sniPort}` } : {},
      };
      const start: Scene["start"] = (folder) => startSidecarProcess({ env, ...folder === undefined ? {} : { folder } });
      await run({ haproxy, authority, sniPort, start });
    },
  });
}

/** Who answers a name of somebody else, and a name that nobody has: the default certificate. */
async function others({ httpsPort: port }: TestHaproxy): Promise<readonly string[]> {
  const names = ["other.example.com", "unknown.example.org"];
  const asked = names.map((serverName) => probe({ hostname: "127.0.0.1", port }, { serverName }, CALL));
  return (await Promise.all(asked)).map((it) => it.fingerprint);
}

async function answering(haproxy: TestHaproxy): Promise<boolean> {
  return (await haproxy.ask("show ssl cert")).includes("zz-acme-sni-");
}

/** Nothing in the balancer, the vault, the ledger and on the port. */
async function nothingLeft({ haproxy, sniPort }: Scene, sidecar: TestSidecar, state: string): Promise<void> {
  assertEquals([await answering(haproxy), await listening(sniPort)], [false, false]);
  assertEquals((await sidecar.ok("vault", "list")).includes("LE_TLS_SNI_"), false);
  assertEquals(await sidecar.stop(), 0);
  await using stores = await openStores(sidecar.folder);
  const records = (await stores.records.authorizations.list(CALL)).map(({ value }) => value);
  assertEquals(records.map((it) => [it.type, it.state, it.presented]), [["tls-sni-01", state, false]]);
}

for (const [way, routed] of [["HAProxy", false], ["the sidecar behind a route", true]] as const) {
  test(
    `tls-sni-01 is answered by ${way}: authorize, a restart, get, and nothing is left`,
    { routed },
    async (scene) => {
      const { haproxy, authority, start, sniPort } = scene;
      const before = await others(haproxy);
      assertEquals(before[0], OTHER.facts.fingerprint);
      await using first = await start();
      await first.ok("certificate", "register", "--agree-tos", "you@example.com");
      assertEquals(
        await first.ok(...AUTHORIZE),
        "Authorization successfully created. Use the following details to create necessary validations:\n" +
          "Point the public DNS A record of api.example.com to the public IP address(es) of the infra/lb\n",
      );
      assertStringIncludes(await first.ok("vault", "list"), SECRET);
      assertMatch(
        await first.ok("vault", "read", "--value", SECRET),
        /^-----BEGIN CERTIFICATE-----\n[^]*PRIVATE KEY-----\n$/,
      );
      assertEquals([await answering(haproxy), await listening(sniPort)], [true, routed]);
      assertEquals(await others(haproxy), before);
      assertEquals(await first.stop(), 0);
      assertEquals([await answering(haproxy), await listening(sniPort)], [false, false]);

      await using second = await start(first.folder);
      assertStringIncludes(await second.ok("certificate", "get", NAME), "Served by infra/lb: api.example.com");
      assertEquals(authority.certificates.length, 1);
      assertEquals(await others(haproxy), before);
      await nothingLeft(scene, second, "validated");
    },
  );
}

test("tls-sni-01 leaves nothing where the CA was not convinced", { tlsPort: freePort() }, async (scene) => {
  await using sidecar = await scene.start();
  await sidecar.ok("certificate", "register", "--agree-tos", "you@example.com");
  await sidecar.ok(...AUTHORIZE);
  const { code, stderr } = await sidecar.kontena("certificate", "get", NAME);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "challenge: ");
  await nothingLeft(scene, sidecar, "error");
});

test("tls-sni-01 that the CA does not offer: the error names what it does", { offers: ["http-01"] }, async (scene) => {
  await using sidecar = await scene.start();
  await sidecar.ok("certificate", "register", "--agree-tos", "you@example.com");
  const { code, stderr } = await sidecar.kontena(...AUTHORIZE);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "the CA did not offer any tls-sni-01 challenge");
  assertStringIncludes(stderr, `kontena certificate authorize --auth-type http-01 --lb-link infra/lb ${NAME}`);
});
