import { assertEquals, assertThrows } from "@std/assert";
import { type EtcdNode, readLayout } from "../../lb/layout.ts";

/** A directory of strings and directories, as the v2 API shows it. */
interface Tree {
  readonly [name: string]: string | Tree;
}

function node(tree: Tree | string, key = "/kontena/haproxy/infra/lb"): EtcdNode {
  if (typeof tree === "string") return { key, value: tree };
  return { key, nodes: Object.entries(tree).map(([name, below]) => node(below, `${key}/${name}`)) };
}

Deno.test("readLayout() reads every key of a service, and leaves out those that it does not know", () => {
  const web = {
    balance: "leastconn",
    virtual_hosts: "a.test,*.b.test",
    virtual_path: "/api",
    keep_virtual_path: "true",
    cookie: "",
    basic_auth_secrets: "user a insecure-password b",
    health_check_uri: "/health",
    health_check_port: "81",
    custom_settings: "# one\n\n# two\n",
    upstreams: { "web-2": "10.0.0.2:80", "web-1": "10.0.0.1:80" },
    unknown: "x",
  };
  assertEquals(readLayout(node({ services: { web }, certs: { bundle: "true" } })), {
    services: [{
      name: "web",
      balance: "leastconn",
      virtualHosts: ["a.test", "*.b.test"],
      virtualPaths: ["/api"],
      keepVirtualPath: true,
      cookie: "",
      basicAuthSecrets: "user a insecure-password b",
      healthCheckUri: "/health",
      healthCheckPort: "81",
      customSettings: ["# one", "", "# two"],
      upstreams: [{ name: "web-1", address: "10.0.0.1:80" }, { name: "web-2", address: "10.0.0.2:80" }],
    }],
    tcpServices: [],
  });
});

Deno.test("readLayout() takes an empty tree, and a service of which there is nothing but the directory", () => {
  assertEquals(readLayout({}), { services: [], tcpServices: [] });
  const [service] = readLayout(node({ services: { web: {} } })).services;
  assertEquals([service?.balance, service?.virtualHosts, service?.upstreams], ["roundrobin", [], []]);
});

Deno.test("readLayout() sorts by bytes: digits, capitals, underscore, small letters", () => {
  const names = ["web", "a", "0acme", "_b", "Web", "web-2"];
  const { services } = readLayout(node({ services: Object.fromEntries(names.map((name) => [name, {}])) }));
  assertEquals(services.map((it) => it.name), ["0acme", "Web", "_b", "a", "web", "web-2"]);
});

Deno.test("readLayout() leaves out a TCP service without a port or an upstream", () => {
  const upstreams = { one: "10.0.0.1:80" };
  const tcp = { all: { external_port: "81", upstreams }, portless: { upstreams }, alone: { external_port: "82" } };
  assertEquals(readLayout(node({ "tcp-services": tcp })).tcpServices, [
    {
      name: "all",
      balance: "leastconn",
      externalPort: "81",
      customSettings: [],
      upstreams: [{ name: "one", address: "10.0.0.1:80" }],
    },
  ]);
});

Deno.test("readLayout() fails on a TCP service's health_check_uri, even of one that would be left out", () => {
  const tree = node({ services: { web: {} }, "tcp-services": { raw: { health_check_uri: "/" } } });
  assertThrows(() => readLayout(tree), TypeError, "health_check_uri=");
});
