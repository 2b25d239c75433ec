import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { InputError } from "../../../src/model/errors.ts";
import { kontenaPermissions, parseKontena } from "../../../plugin/kontena/url.ts";

const URL_TEXT =
  "kontena+etcd://127.0.0.1:2379/infra/lb?certs=/etc/haproxy/certs&probe=127.0.0.1:443&answer=172.17.0.5:54322";

Deno.test("parseKontena() reads etcd, the service, the directory and the addresses", () => {
  assertEquals(parseKontena("infra/lb", URL_TEXT), {
    kind: "kontena",
    name: "infra/lb",
    etcd: { hostname: "127.0.0.1", port: 2379 },
    service: "infra/lb",
    certificates: { kind: "directory", path: "/etc/haproxy/certs" },
    probe: { hostname: "127.0.0.1", port: 443 },
    http: { hostname: "127.0.0.1", port: 80 },
    answer: { hostname: "172.17.0.5", port: 54322 },
  });
});

Deno.test("parseKontena() reads every parameter", () => {
  const more =
    "&http=lb:8080&probe-proxy=v1&socket=/var/run/haproxy-admin.sock&lb-root=/etc/haproxy&default=00-site.pem";
  const { http, probeProxy, socket, lbRoot, defaultFile } = parseKontena("lb", URL_TEXT + more);
  assertEquals([http, probeProxy, socket, lbRoot, defaultFile], [
    { hostname: "lb", port: 8080 },
    "v1",
    "/var/run/haproxy-admin.sock",
    "/etc/haproxy",
    "00-site.pem",
  ]);
});

for (const [path, service] of [["/lb", "lb"], ["/null/lb", "lb"], ["/infra/lb", "infra/lb"]] as const) {
  Deno.test(`parseKontena() takes ${path} for the service ${service}`, () => {
    assertEquals(parseKontena("lb", URL_TEXT.replace("/infra/lb", path)).service, service);
  });
}

for (
  const [change, found] of [
    [["kontena+etcd:", "kontena+https:"], 'its URL begins with "kontena+https:"'],
    [["/infra/lb", ""], '"" is not the name of a service'],
    [["/infra/lb", "/a/b/c"], '"/a/b/c" is not the name of a service'],
    [["/infra/lb", "/infra/l%20b"], "is not the name of a service"],
    [[":2379", ""], 'the address of etcd is "127.0.0.1", not host:port'],
    [["certs=/etc/haproxy/certs&", ""], "certs= is missing"],
    [["&probe=127.0.0.1:443", ""], "probe= is missing"],
    [["&answer=172.17.0.5:54322", ""], "answer= is missing"],
    [["&answer", "&challenges=/x&answer"], '"challenges" is not a parameter'],
    [["&answer", "&store=/x&answer"], '"store" is not a parameter'],
  ] as const
) {
  Deno.test(`parseKontena() refuses a URL: ${found}`, () => {
    const error = assertThrows(() => parseKontena("front", URL_TEXT.replace(change[0], change[1])), InputError, found);
    assertEquals(error.field, "load_balancers");
    assertStringIncludes(error.message, '"front"');
  });
}

Deno.test("kontenaPermissions() lists etcd, the faces, the answer's name and the directory, and the socket where there is one", () => {
  const paths = ["/etc/haproxy/certs"];
  const net = ["127.0.0.1:2379", "127.0.0.1:443", "127.0.0.1:80", "172.17.0.5:54322"];
  assertEquals(kontenaPermissions(parseKontena("lb", URL_TEXT)), { net, read: paths, write: paths, run: [] });
  // A name is looked up, for which Deno wants the right to all of its ports.
  const named = kontenaPermissions(parseKontena("lb", URL_TEXT.replace("172.17.0.5", "sidecar")));
  assertEquals(named.net, [...net.slice(0, -1), "sidecar"]);
  const withSocket = kontenaPermissions(parseKontena("lb", `${URL_TEXT}&socket=/run/a.sock`));
  assertEquals(withSocket, {
    net: [...net, "unix:/run/a.sock"],
    read: [...paths, "/run/a.sock"],
    write: [...paths, "/run/a.sock"],
    run: [],
  });
});
