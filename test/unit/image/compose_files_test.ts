/**
 * Whether the compose files fit together, and what the sidecar and the balancers make of them.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { BalancerConfig } from "../../../plugin/balancers.ts";
import { type Config, readConfig } from "../../../plugin/config.ts";
import { environment } from "../../support/config_env.ts";
import { type Mount, parseCompose, type Service } from "../../image/compose.ts";
import { parseDockerfile } from "../../image/dockerfile.ts";

const HERE = new URL("../../../", import.meta.url);
const OPERATOR = { CERTIFICATES: "www.example.com", ACME_AGREE_TOS: "true" };
const IMAGE = parseDockerfile(await Deno.readTextFile(new URL("Dockerfile", HERE))).at(-1)!.steps
  .reduce((env, step) => step.do === "env" ? { ...env, ...step.values } : env, {} as Readonly<Record<string, string>>);

async function servicesOf(file: string, env: Readonly<Record<string, string>> = OPERATOR): Promise<Services> {
  const services = parseCompose([await Deno.readTextFile(new URL(`compose/${file}`, HERE))], env);
  return Object.fromEntries(services.map((it) => [it.name, it]));
}

type Services = Readonly<Record<string, Service>>;

/** The sidecar's configuration, read by the sidecar's own reader. */
function configOf({ sidecar }: Services): Config {
  const files = { "/run/secrets/vault_key": "k".repeat(64), "/run/secrets/api_token": "t".repeat(64) };
  return readConfig(environment({ ...IMAGE, ...sidecar?.environment }, files));
}

function only(config: Config): BalancerConfig {
  assertEquals(config.balancers.length, 1);
  return config.balancers[0]!;
}

/** What a service sees at a path, if it is a volume that is shared. */
function mountAt(service: Service | undefined, path: string): Mount | undefined {
  return service?.mounts.find((it) => path === it.target || path.startsWith(`${it.target}/`));
}

for (const [file, balancer] of [["haproxy.yml", "haproxy"], ["kontena.yml", "lb"]] as const) {
  Deno.test(`${file}: the sidecar takes its configuration, and finds the balancer where the file has it`, async () => {
    const services = await servicesOf(file);
    const config = configOf(services);
    const found = only(config);
    assertEquals([found.probe.hostname, found.http?.hostname], [balancer, balancer]);
    assert(services[balancer] !== undefined);
    for (const port of [found.probe.port, found.http?.port]) {
      assert(services[balancer].ports.includes(`${port}:${port}`));
    }
    assertEquals(config.directories.map(String), ["https://acme-v02.api.letsencrypt.org/directory"]);
    assertEquals(config.certificates.map((it) => it.names.join()), ["www.example.com"]);
  });

  Deno.test(`${file}: the certificates are in one volume that both have at the same path, and HAProxy starts on them`, async () => {
    const services = await servicesOf(file);
    const { path } = only(configOf(services)).certificates;
    const [ours, theirs] = [mountAt(services["sidecar"], path), mountAt(services[balancer], path)];
    assertEquals([ours?.kind, ours?.readOnly], ["volume", false]);
    assertEquals([theirs?.source, theirs?.target], [ours?.source, ours?.target]);
    assertEquals(services[balancer]?.after, { sidecar: "service_healthy" });
  });

  Deno.test(`${file}: the sidecar has no right but those it needs, and its API is on loopback`, async () => {
    const services = await servicesOf(file);
    const { readOnly, dropsAllCapabilities, gainsNoPrivileges, ports, user } = services["sidecar"]!;
    assertEquals([readOnly, dropsAllCapabilities, gainsNoPrivileges, ports, user], [true, true, true, [], undefined]);
    assertEquals(configOf(services).apiListen.hostname, "127.0.0.1");
  });

  Deno.test(`${file}: what only the operator can know is asked for`, async () => {
    for (const name of Object.keys(OPERATOR)) {
      const text = await Deno.readTextFile(new URL(`compose/${file}`, HERE));
      assertThrows(() => parseCompose([text], { ...OPERATOR, [name]: "" }), Error, name);
    }
  });
}

Deno.test("haproxy.yml: socket and challenge list are in volumes that both have, and the sidecar is in HAProxy's group", async () => {
  const services = await servicesOf("haproxy.yml");
  const found = only(configOf(services));
  assert(found.kind === "haproxy" && found.socket.transport === "unix" && found.challenges !== undefined);
  for (const path of [found.socket.path, found.challenges]) {
    const [ours, theirs] = [mountAt(services["sidecar"], path), mountAt(services["haproxy"], path)];
    assertEquals([ours?.kind, ours?.source, ours?.target], ["volume", theirs?.source, theirs?.target]);
  }
  assertEquals(services["sidecar"]?.groups, [services["haproxy"]!.user!.gid]);
});

Deno.test("kontena.yml: the balancer polls the etcd that the sidecar writes to, under the same name", async () => {
  const services = await servicesOf("kontena.yml");
  const config = configOf(services);
  const found = only(config);
  assert(found.kind === "kontena");
  const { ETCD_NODE, KONTENA_STACK_NAME, KONTENA_SERVICE_NAME } = services["lb"]!.environment;
  assertEquals([ETCD_NODE, `${KONTENA_STACK_NAME}/${KONTENA_SERVICE_NAME}`], [found.etcd.hostname, found.service]);
  assertEquals([found.answer.hostname, found.answer.port], ["sidecar", config.challengeListen.port]);
  assert(services["etcd"]?.command?.includes("--enable-v2"));
});
