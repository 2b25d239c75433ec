import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Env } from "../../lb/environment.ts";
import type { HttpService, Layout } from "../../lb/layout.ts";
import { renderConfig } from "../../lb/render.ts";

const PLACES = {
  httpPort: 80,
  httpsPort: 443,
  statsPort: 1000,
  challengePort: 54321,
  certs: "/etc/haproxy/certs",
  errors: "/etc/haproxy/errors",
  socket: "/var/run/haproxy-admin.sock",
} as const;

const NOTHING: Layout = { services: [], tcpServices: [] };

const WEB: HttpService = {
  name: "web",
  upstreams: [{ name: "web-1", address: "10.0.0.1:80" }],
  balance: "roundrobin",
  virtualHosts: ["web.test"],
  virtualPaths: [],
  keepVirtualPath: false,
  customSettings: [],
};

const render = (env: Env = {}, layout: Partial<Layout> = {}): string =>
  renderConfig({ ...NOTHING, ...layout }, env, PLACES);

const sections = (text: string): readonly string[] => text.split("\n").filter((line) => /^[a-z]/.test(line));

Deno.test("renderConfig() has the original's sections in the original's order", () => {
  const raw = { name: "raw", upstreams: [], balance: "leastconn", externalPort: "81", customSettings: [] };
  const services = [WEB, { ...WEB, name: "web2", basicAuthSecrets: "user a insecure-password b" }];
  assertEquals(sections(render({ ACME_CHALLENGE_x: "y" }, { services, tcpServices: [raw] })), [
    "global",
    "defaults",
    "listen http-in",
    "backend acme_challenge",
    "backend web",
    "backend web2",
    "userlist auth_users_web2",
    "listen raw",
    "listen stats",
    "userlist stats-auth",
  ]);
});

for (
  const [why, env, layout, there] of [
    ["a service", {}, { services: [WEB] }, true],
    ["TLS", { SSL_CERTS: "" }, {}, true],
    ["a health URI", { KONTENA_LB_HEALTH_URI: "/health" }, {}, true],
    ["challenges alone", { ACME_CHALLENGE_x: "y" }, {}, false],
    ["nothing", {}, {}, false],
  ] as const
) {
  Deno.test(`renderConfig() has ${there ? "an" : "no"} http-in for ${why}`, () => {
    assertEquals(sections(render(env, layout)).includes("listen http-in"), there);
  });
}

for (
  const [what, env, line] of [
    ["HTTP/2", {}, "bind 127.0.0.1:443 ssl crt /etc/haproxy/certs/ no-sslv3 alpn h2,http/1.1"],
    ["HTTP/1.1 alone", { KONTENA_LB_HTTP2: "false" }, "bind 127.0.0.1:443 ssl crt /etc/haproxy/certs/ no-sslv3"],
    [
      "a PROXY header",
      { KONTENA_LB_ACCEPT_PROXY: "no" },
      "bind 127.0.0.1:443 ssl crt /etc/haproxy/certs/ no-sslv3 accept-proxy alpn h2,http/1.1",
    ],
  ] as const
) {
  Deno.test(`renderConfig() binds for ${what}`, () => {
    assertStringIncludes(render({ ...env, SSL_CERT_x: "" }), `    ${line}\n`);
  });
}

Deno.test("renderConfig() asks for the challenges before all services, in any order of names", () => {
  const services = [{ ...WEB, name: "0acme", virtualPaths: ["/.well-known/"] }];
  assertMatch(
    render({ ACME_CHALLENGE_x: "y" }, { services }),
    /use_backend acme_challenge if acme_challenge\n[^]*use_backend 0acme if host_0acme host_0acme_virtual_path\n/,
  );
});

Deno.test("renderConfig() puts the environment's settings at the end of their sections, without blank lines", () => {
  const text = render({
    KONTENA_LB_GLOBAL_SETTINGS: "hard-stop-after 3s",
    KONTENA_LB_CUSTOM_SETTINGS: "# a\n\n  # b\n",
  });
  assertStringIncludes(text, "hard-stop-after 3s\ndefaults\n");
  assertStringIncludes(text, "# a\n  # b\nlisten stats\n");
  assertEquals(/\n\s*\n/.test(text), false);
});

Deno.test("renderConfig() writes a service's servers with cookie and port of the health check", () => {
  const text = render({}, { services: [{ ...WEB, cookie: "", healthCheckUri: "/up", healthCheckPort: "81" }] });
  assertStringIncludes(text, "    cookie KONTENA_SERVERID insert indirect nocache\n");
  assertStringIncludes(text, "    option httpchk GET /up\n    server web-1 10.0.0.1:80 check port 81 cookie web-1\n");
});
