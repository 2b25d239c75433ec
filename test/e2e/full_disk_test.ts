import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { probe } from "../../plugin/net/tls_probe.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { defaultSecretName } from "../../src/model/secret_name.ts";
import { startAuthority, type TestAuthority } from "../ca/mod.ts";
import { CALL } from "../support/fakes.ts";
import { startHaproxy, type TestHaproxy } from "../support/haproxy.ts";
import { checkSecrets } from "../support/kill_checks.ts";
import { has, tempDir, until } from "../support/process.ts";
import { askAgainSoon, PAST_WINDOW } from "../support/recalled.ts";
import { openStores, ROOT, startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";

/** A minute passes in a second there. */
const HASTY = `${ROOT}test/support/hasty_sidecar.ts`;
const NAME = parseDnsName("api.example.com");

/** What the test works on. */
interface Scene {
  readonly haproxy: TestHaproxy;
  readonly authority: TestAuthority;
  readonly folder: string;
}

function startOn(
  { haproxy, authority, folder }: Scene,
  limit: { readonly fileLimitKib?: number } = {},
): Promise<TestSidecar> {
  return startSidecarProcess({
    folder,
    program: HASTY,
    env: {
      ACME_DIRECTORY_URL: authority.directory.href,
      ACME_AGREE_TOS: "true",
      CERTIFICATES: NAME,
      LOAD_BALANCERS: `infra/lb=${haproxy.url()}`,
    },
    ...limit,
  });
}

async function servedBy({ haproxy }: Scene): Promise<string> {
  return (await probe({ hostname: "127.0.0.1", port: haproxy.httpsPort }, { serverName: NAME }, CALL)).fingerprint;
}

/** The fingerprint of what is written down; the pair in the vault is whole. */
async function heldIn({ folder }: Scene): Promise<string | undefined> {
  await using left = await openStores(folder);
  await checkSecrets(left, NAME);
  return (await left.records.certificates.get(defaultSecretName(NAME), CALL))?.value.facts.fingerprint;
}

/** Lets the sidecar renew in a world where no file may grow beyond the limit, and then without it. */
async function renewUnder(fileLimitKib: number): Promise<void> {
  await using haproxy = await startHaproxy();
  await using authority = await startAuthority({
    tlsPort: haproxy.httpsPort,
    httpPort: haproxy.httpPort,
    hooks: { endpoint: { after: askAgainSoon } },
  });
  using folder = tempDir();
  const scene: Scene = { haproxy, authority, folder: folder.path };
  const events = (sidecar: TestSidecar, name: string): readonly unknown[] =>
    sidecar.events().filter((it) => it["event"] === name);
  {
    await using sidecar = await startOn(scene);
    await until("the first certificate is served", () => events(sidecar, "certificate.served")[0]);
    assertEquals(await sidecar.stop(), 0);
  }
  const old = await servedBy(scene);
  authority.setRenewalInfo(authority.certificates[0]!.serial, PAST_WINDOW);
  {
    await using sidecar = await startOn(scene, { fileLimitKib });
    const alarm = (it: Readonly<Record<string, unknown>>): boolean =>
      it["code"] === "VAULT_UNAVAILABLE" && it["level"] === "error";
    const told = await until("it is told", () => sidecar.events().find(alarm));
    assertStringIncludes(String(told["message"]), "vault.db: ");
    assertEquals((await sidecar.ask("/health")).status, 200);
    const refused = await sidecar.kontena("vault", "write", "ANY", "x".repeat(100_000));
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.stderr, "vault.db");
    assertEquals(await sidecar.stop(), 0, sidecar.process.output());
  }
  // The log of the store begins anew when it was written back, and then there may be room after all.
  const between = await servedBy(scene);
  const held = await heldIn(scene);
  assert(between === old || between === held, "something else is served");
  await using sidecar = await startOn(scene);
  if (between === old) {
    // A client may see it before it is proven: whoever ends the sidecar then gets the old one put back.
    await until("the second certificate is served", () => events(sidecar, "certificate.served")[0], 30_000);
  }
  assertEquals(await sidecar.stop(), 0);
  assertEquals(await heldIn(scene), await servedBy(scene));
  assertEquals([authority.certificates.length, authority.counters.orders], [2, 2]);
}

for (const kib of [40, 64]) {
  Deno.test({
    name:
      `F-93: no file may grow beyond ${kib} KiB: the old pair serves, it is told, and renewed afterwards [needs haproxy]`,
    ignore: !has("haproxy"),
    fn: () => renewUnder(kib),
  });
}
