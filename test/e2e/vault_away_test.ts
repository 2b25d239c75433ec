import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { certificateSecrets, parseSecretName } from "../../mod.ts";
import { probe } from "../../plugin/net/tls_probe.ts";
import { CALL } from "../support/fakes.ts";
import { until } from "../support/process.ts";
import { openStores, ROOT, startSidecarProcess } from "../support/sidecar.ts";
import { e2e, madeBy, startStage } from "../support/stage.ts";

const NAME = "www.example.com";
const SECRETS = certificateSecrets(parseSecretName("LE_CERTIFICATE_www_example_com"));

e2e(
  "F-90: a vault that is sealed at the last moment costs no certificate, also where the process is killed then",
  async () => {
    await using stage = await startStage();
    const outbox = async (folder: string): Promise<readonly string[]> =>
      (await Array.fromAsync(Deno.readDir(`${folder}/elsewhere`), ({ name }) => name).catch(() => [])).sort();
    const env = { ...stage.env, ACME_AGREE_TOS: "true", VAULT_OUTBOX: "elsewhere", CHALLENGE: "http-01" };
    const ports = { challengePort: stage.challengePort, program: `${ROOT}test/support/sealed_sidecar.ts` };
    await using first = await startSidecarProcess({ env, ...ports });
    const { folder } = first;
    await Deno.writeTextFile(`${folder}/sealed`, "bundle");

    await first.ok("certificate", "request", NAME);

    const target = { hostname: "127.0.0.1", port: stage.haproxy.httpsPort };
    const { serial } = await probe(target, { serverName: NAME }, CALL);
    assert((await outbox(folder)).length > 0, "nothing waits");
    const ready = await first.ask("/ready");
    assertEquals(ready.status, 503);
    assertStringIncludes(ready.text, "The vault is sealed");
    const refused = await first.kontena("certificate", "request", "other.example.com");
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.stderr, "The vault is sealed");
    first.process.kill("SIGKILL");
    await first.process.exit;

    await Deno.remove(`${folder}/sealed`);
    await using second = await startSidecarProcess({ env, ...ports, folder });
    await until("nothing waits any more", async () => (await outbox(folder)).length === 0);
    assertStringIncludes(await second.ok("certificate", "show", NAME), serial);
    assertEquals(await second.stop(), 0);
    await using left = await openStores(folder);
    const [bundle, key] = [
      await left.vault.read(SECRETS.bundle, CALL),
      await left.vault.read(SECRETS.privateKey, CALL),
    ];
    assert(bundle !== undefined && key !== undefined && bundle.value.includes(key.value));
    assertEquals(await madeBy(stage.pebble), { orders: 1, certificates: 1 });
  },
);
