import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { startHaproxy } from "../support/haproxy.ts";
import { testPki } from "../support/pki.ts";
import { freePort, has, until } from "../support/process.ts";
import { clientSees } from "../support/reconcile_stage.ts";
import { startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";

const NAME = "shop.example.com";
const FILE = "LE_CERTIFICATE_shop_example_com.pem";
const BUNDLE = "LE_CERTIFICATE_shop_example_com_BUNDLE";

async function put({ ask }: TestSidecar, path: string, body: unknown): Promise<void> {
  const headers = { "content-type": "application/json" };
  const { status, text } = await ask(path, { method: "PUT", headers, body: JSON.stringify(body) });
  if (status >= 300) throw new Error(`PUT ${path}: ${status} ${text}`);
}

Deno.test({
  name:
    "what HAProxy serves is what the vault holds: import, vault write, restart with an old file, vault rm; without a CA [needs haproxy]",
  ignore: !has("haproxy"),
  async fn(): Promise<void> {
    const pki = testPki();
    await using haproxy = await startHaproxy();
    await using sidecar = await startSidecarProcess({
      env: { ACME_DIRECTORY_URL: `https://127.0.0.1:${freePort()}/dir`, LOAD_BALANCERS: `infra/lb=${haproxy.url()}` },
    });
    const served = (bundle: Bundle): Promise<true> =>
      until("it is served", async () => await clientSees(haproxy, NAME) === bundle.facts.fingerprint);
    const [first, second] = [pki.issue([NAME]), pki.issue([NAME])];

    await put(sidecar, `/v1/certificates/default/${NAME}`, {
      certificate: bundlePem(first),
      chain: [],
      linked_service: "all",
    });
    assertEquals(await clientSees(haproxy, NAME), first.facts.fingerprint);
    await put(sidecar, `/v1/secrets/default/${BUNDLE}`, { name: BUNDLE, value: bundlePem(second) });
    await served(second);
    await until(
      "it is told",
      async () => (await sidecar.ask(`/v1/certificates/default/${NAME}`)).text.includes(second.facts.fingerprint),
    );

    await haproxy.kill();
    await Deno.writeTextFile(`${haproxy.certs}/${FILE}`, bundlePem(first));
    await haproxy.restart();
    await served(second);
    assertEquals(await Deno.readTextFile(`${haproxy.certs}/${FILE}`), bundlePem(second));
    const metrics = (await sidecar.ask("/metrics")).text;
    assertStringIncludes(metrics, 'kontena_drift_total{balancer="infra/lb",why="another is loaded"} 1\n');

    await sidecar.ok("vault", "rm", "--force", BUNDLE);
    await until("it is served no more", async () => await clientSees(haproxy, NAME) !== second.facts.fingerprint);
    await until("its file is gone", async () => !(await haproxy.ask("show ssl cert")).includes(FILE));
    assertEquals((await haproxy.check()).code, 0);
  },
});
