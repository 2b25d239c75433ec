/**
 * The text of haproxy.cfg. It is the original's, section by section, with three kinds of changes: addresses of its own,
 * today's words for `reqadd` and `reqrep` (gone since HAProxy 2.1), and no limits that only root could ask for.
 *
 * @module
 */
import { challengesOf, type Env, sslOn } from "./environment.ts";
import type { HttpService, Layout, TcpService, Upstream } from "./layout.ts";

/** Where things are that the original has at fixed places: `:80`, `:443`, `:1000`, `:54321`, `/etc/haproxy`. */
export interface Places {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly statsPort: number;
  readonly challengePort: number;
  readonly certs: string;
  readonly errors: string;
  readonly socket: string;
}

/** The whole configuration, without blank lines. */
export function renderConfig(layout: Layout, env: Env, places: Places): string {
  const { services, tcpServices } = layout;
  const front = services.length > 0 || sslOn(env) || env["KONTENA_LB_HEALTH_URI"] !== undefined;
  const lines = [
    ...globalSection(env, places),
    ...defaultsSection(env),
    ...front ? httpIn(services, env, places) : [],
    ...challengesOf(env).size > 0 ? challengeBackend(places) : [],
    ...services.flatMap(httpBackend),
    ...tcpServices.flatMap((it) => tcpListen(it, env)),
    ...stats(env, places),
  ];
  return lines.filter((line) => line.trim() !== "").map((line) => `${line}\n`).join("");
}

/** Lines of a variable, as they are. */
function verbatim(value: string | undefined): readonly string[] {
  return (value ?? "").split("\n");
}

function globalSection(env: Env, { socket }: Places): readonly string[] {
  const ciphers = env["KONTENA_LB_SSL_CIPHERS"] ?? "ECDHE+AESGCM:ECDHE+AES:DHE+AESGCM:AES:!aNULL:!eNULL:!EXPORT:!MD5";
  return [
    "global",
    "    maxconn 2000",
    `    log ${env["SYSLOG_TARGET"] ?? "stdout format raw local1 info"}`,
    "    tune.ssl.default-dh-param 2048",
    `    ssl-default-bind-ciphers ${ciphers}`,
    `    stats socket ${socket} mode 660 level admin expose-fd listeners`,
    ...verbatim(env["KONTENA_LB_GLOBAL_SETTINGS"]),
  ];
}

function defaultsSection(env: Env): readonly string[] {
  return [
    "defaults",
    "    log global",
    "    mode http",
    "    option http-keep-alive",
    "    option redispatch",
    "    option httplog",
    "    retries 3",
    "    timeout http-request 5s",
    "    timeout queue 1m",
    "    timeout connect 5s",
    "    timeout client 1m",
    "    timeout server 1m",
    "    timeout http-keep-alive 10s",
    "    timeout check 10s",
    ...verbatim(env["KONTENA_LB_CUSTOM_SETTINGS"]),
  ];
}

function acceptProxy(env: Env): string {
  return env["KONTENA_LB_ACCEPT_PROXY"] === undefined ? "" : " accept-proxy";
}

function httpIn(services: readonly HttpService[], env: Env, places: Places): readonly string[] {
  const health = env["KONTENA_LB_HEALTH_URI"];
  return [
    "listen http-in",
    `    bind 127.0.0.1:${places.httpPort}${acceptProxy(env)}`,
    "    http-request replace-header Host (.*):.* \\1",
    ...sslOn(env) ? tlsBind(env, places) : [],
    `    errorfile 502 ${places.errors}/502.http`,
    `    errorfile 503 ${places.errors}/503.http`,
    ...health === undefined ? [] : [`    monitor-uri ${health}`, `    errorfile 200 ${places.errors}/200.http`],
    ...challengesOf(env).size === 0 ? [] : [
      "    acl acme_challenge path_beg /.well-known/acme-challenge/",
      "    use_backend acme_challenge if acme_challenge",
    ],
    ...services.flatMap(conditions),
    ...routes(services),
  ];
}

function tlsBind(env: Env, { httpsPort, certs }: Places): readonly string[] {
  const alpn = env["KONTENA_LB_HTTP2"] === "false" ? "" : " alpn h2,http/1.1";
  return [
    `    bind 127.0.0.1:${httpsPort} ssl crt ${certs}/ no-sslv3${acceptProxy(env)}${alpn}`,
    "    http-request add-header X-Forwarded-Proto https if { ssl_fc }",
    "    http-request add-header X-Forwarded-Port 443 if { ssl_fc }",
  ];
}

function conditions({ name, virtualHosts, virtualPaths }: HttpService): readonly string[] {
  const host = (it: string): string => it.startsWith("*.") ? `hdr_end(host) -i ${it.slice(1)}` : `hdr(host) -i ${it}`;
  return [
    ...virtualHosts.map((it) => `    acl host_${name} ${host(it)}`),
    // 1.8 sees the path of an HTTP/2 request where 2.6 sees the whole URL, so this is not the original's `url_beg`.
    ...virtualPaths.length === 0 ? [] : [`    acl host_${name}_virtual_path path_beg ${virtualPaths.join(" ")}`],
  ];
}

/** Host and path, then host, then path: so a path alone loses to any service of that host. */
function routes(services: readonly HttpService[]): readonly string[] {
  const named = services.filter((it) => it.virtualHosts.length > 0);
  const pathOnly = services.filter((it) => it.virtualHosts.length === 0 && it.virtualPaths.length > 0);
  return [
    ...named.filter((it) => it.virtualPaths.length > 0)
      .map(({ name }) => `    use_backend ${name} if host_${name} host_${name}_virtual_path`),
    ...named.filter((it) => it.virtualPaths.length === 0).map(({ name }) => `    use_backend ${name} if host_${name}`),
    ...pathOnly.map(({ name }) => `    use_backend ${name} if host_${name}_virtual_path`),
  ];
}

function challengeBackend({ challengePort }: Places): readonly string[] {
  return ["backend acme_challenge", "    option forwardfor", `    server localhost 127.0.0.1:${challengePort}`];
}

function httpBackend(service: HttpService): readonly string[] {
  const { name, cookie, basicAuthSecrets, healthCheckUri, virtualPaths } = service;
  const sticky = cookie === "" ? "cookie KONTENA_SERVERID insert indirect nocache" : cookie;
  return [
    `backend ${name}`,
    "    option forwardfor",
    ...service.customSettings.map((line) => `    ${line}`),
    ...sticky === undefined ? [] : [`    ${sticky}`],
    `    balance ${service.balance}`,
    ...basicAuthSecrets === undefined ? [] : [
      `    acl auth_ok_${name} http_auth(auth_users_${name})`,
      `    http-request auth realm ${name} unless auth_ok_${name}`,
    ],
    ...service.keepVirtualPath ? [] : virtualPaths.map((it) => `    http-request replace-pathq ^${it}/?(.*) /\\1`),
    ...healthCheckUri === undefined ? [] : [`    option httpchk GET ${healthCheckUri}`],
    ...service.upstreams.map((it) => `    ${server(it, service)}`),
    ...basicAuthSecrets === undefined ? [] : [`userlist auth_users_${name}`, `  ${basicAuthSecrets}`],
  ];
}

function server({ name, address }: Upstream, { healthCheckPort, cookie }: HttpService): string {
  const port = healthCheckPort === undefined ? "" : ` port ${healthCheckPort}`;
  return `server ${name} ${address} check${port}${cookie === undefined ? "" : ` cookie ${name}`}`;
}

function tcpListen(service: TcpService, env: Env): readonly string[] {
  return [
    `listen ${service.name}`,
    `    bind 127.0.0.1:${service.externalPort}${acceptProxy(env)}`,
    "    mode tcp",
    ...service.customSettings.map((line) => `    ${line}`),
    `    balance ${service.balance}`,
    ...service.upstreams.map(({ name, address }) => `    server ${name} ${address} check`),
  ];
}

function stats(env: Env, { statsPort }: Places): readonly string[] {
  return [
    "listen stats",
    "    mode http",
    `    bind 127.0.0.1:${statsPort}`,
    "    stats enable",
    "    stats uri /",
    "    stats refresh 10s",
    "    stats show-node",
    "    stats show-legends",
    "    acl auth_ok http_auth(stats-auth)",
    "    http-request auth unless auth_ok",
    "userlist stats-auth",
    `    user stats insecure-password ${env["STATS_PASSWORD"] ?? "secret"}`,
  ];
}
