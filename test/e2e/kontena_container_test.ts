/**
 * `compose/kontena.yml` as it is printed, without Docker; the balancer's own container is the model of it (`test/lb`), on
 * the volume and with the environment that the file gives it.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { GATEWAY } from "../image/container.ts";
import { privateTest } from "../image/private.ts";
import { startScene } from "../image/scene.ts";
import { startKontenaLb } from "../lb/model.ts";
import { joined } from "../support/gate.ts";
import { PEBBLE_PROGRAMS } from "../support/pebble.ts";
import { until } from "../support/process.ts";
import { madeBy } from "../support/stage.ts";

privateTest({
  name: "kontena.yml in containers: names in, certificate served by the Kontena Load Balancer",
  file: import.meta.url,
  programs: [...PEBBLE_PROGRAMS, "haproxy", "etcd"],
  async fn(image): Promise<void> {
    await using scene = await startScene(image, "kontena.yml", "www.example.com", GATEWAY);
    const { project, pebble } = scene;
    const sidecar = await project.up("sidecar");
    await until("the sidecar is healthy", () => project.isHealthy(sidecar, "sidecar"));

    await using lb = startKontenaLb({
      etcd: { url: `http://${project.addresses["etcd"]}:2379` },
      name: "infra/lb",
      env: scene.services.find((it) => it.name === "lb")!.environment,
      certs: project.volume("certificates"),
      ports: { httpPort: 80, httpsPort: 443 },
    });
    // The model listens on loopback; this is where the containers find it.
    await using _http = doorTo(80);
    await using _https = doorTo(443);
    await scene.served("www.example.com").catch((error) => {
      throw new Error(`${error}\n${lb.output()}`);
    });

    assertEquals((await madeBy(pebble)).certificates, 1);
    await until("a reload", () => lb.reloads >= 1); // it is counted once it is over
    assert(lb.refusals === 0, lb.output());
    const list = await sidecar.exec(["kontena", "certificate", "list"]);
    assertStringIncludes(list.stdout, "www.example.com");
  },
});

/** Passes connections to the bridge's own address on to the same port of loopback. */
function doorTo(port: number): AsyncDisposable {
  const listener = Deno.listen({ hostname: GATEWAY, port });
  const passed = (async () => {
    const all: Promise<void>[] = [];
    for await (const guest of listener) {
      const host = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
      if (host === undefined) guest.close();
      else all.push(joined(guest, host));
    }
    await Promise.all(all);
  })();
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      await passed;
    },
  };
}
