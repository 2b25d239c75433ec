import { given } from "../../src/model/shape.ts";
import {
  decoded,
  hostPort,
  type Permissions,
  readBalancerUrl,
  readDefault,
  readEndpoint,
  readPath,
  readProxy,
  readReload,
  type Refuse,
  type Reload,
} from "../certs/balancer_url.ts";
import { parent } from "../certs/paths.ts";
import type { CertificatePlace } from "../certs/place.ts";
import type { Address, Endpoint } from "../net/connection.ts";
import type { ProxyVersion } from "../net/proxy_header.ts";

/** One HAProxy, as its URL describes it. Paths are absolute and without a final slash. */
export interface HaproxyConfig {
  readonly kind: "haproxy";
  readonly name: string;
  /** Its runtime socket (`stats socket … level admin`). */
  readonly socket: Address;
  readonly certificates: CertificatePlace;
  /** Where the balancer sees the folder that `certs` is in. */
  readonly lbRoot?: string;
  /** The crt-list of the frontend that takes `acme-tls/1`. */
  readonly challenges?: string;
  /** Where it serves TLS. */
  readonly probe: Endpoint;
  readonly probeProxy?: ProxyVersion;
  /** Where it serves plain HTTP. */
  readonly http?: Endpoint;
  /** Where it reaches the sidecar's http-01 answers, if not where they are listened for. */
  readonly answer?: Endpoint;
  /** How it is reloaded where the runtime socket does not take a certificate. */
  readonly reload?: Reload;
  /** Base name of the file that shall be the default certificate. */
  readonly defaultFile?: string;
}

const PARAMETERS = [
  "certs",
  "store",
  "challenges",
  "probe",
  "probe-proxy",
  "lb-root",
  "reload",
  "default",
  "http",
  "answer",
] as const;

const EXAMPLE = "write it like haproxy+unix:///var/run/haproxy-admin.sock?certs=/etc/haproxy/certs&probe=127.0.0.1:443";

/**
 * Reads the URL of an HAProxy: `haproxy+unix:///SOCKET?…` or `haproxy+tcp://LOOPBACK:PORT?…`, with `certs` and `probe`.
 *
 * @param name Its name in `LOAD_BALANCERS`.
 * @throws {InputError} If a parameter is missing, unknown or wrong, or keys would travel over a network in clear.
 */
export function parseHaproxy(name: string, text: string): HaproxyConfig {
  const { url, refuse, value, path, endpoint } = readBalancerUrl(name, text, PARAMETERS, EXAMPLE);
  const certs = path("certs");
  const probe = endpoint("probe");
  if (certs === undefined) {
    throw refuse("certs= is missing", "name the certificate directory, or a crt-list and store=");
  }
  if (probe === undefined) throw refuse("probe= is missing", "name the address where it serves TLS, as 127.0.0.1:443");
  const store = path("store");
  return {
    kind: "haproxy",
    name,
    socket: readSocket(url, refuse),
    certificates: store === undefined ? { kind: "directory", path: certs } : { kind: "crt-list", path: certs, store },
    probe,
    ...given("probeProxy", readProxy(value("probe-proxy"), refuse)),
    ...given("lbRoot", path("lb-root")),
    ...given("challenges", path("challenges")),
    ...given("http", endpoint("http")),
    ...given("answer", endpoint("answer")),
    ...given("reload", readReload(value("reload"), refuse)),
    ...given("defaultFile", readDefault(value("default"), refuse)),
  };
}

/**
 * Lists what Deno has to be allowed; a unix socket needs all three (net, read and write). A program may be read, for the check
 * that it is there.
 */
export function haproxyPermissions(config: HaproxyConfig): Permissions {
  const { socket, certificates: place, challenges, probe, http, reload } = config;
  const sockets = [
    ...socket.transport === "unix" ? [socket.path] : [],
    ...reload?.by === "master" ? [reload.socket] : [],
  ];
  const paths = [
    ...sockets,
    ...place.kind === "directory" ? [place.path] : [parent(place.path), place.store],
    ...challenges === undefined ? [] : [challenges],
  ];
  const net = [
    ...sockets.map((path) => `unix:${path}`),
    ...socket.transport === "tcp" ? [hostPort(socket)] : [],
    hostPort(probe),
    ...http === undefined ? [] : [hostPort(http)],
  ];
  const programs = reload?.by === "command" ? [reload.program] : [];
  return { net, read: [...paths, ...programs], write: paths, run: programs };
}

function readSocket(url: URL, refuse: Refuse): Address {
  if (url.protocol === "haproxy+unix:") {
    if (url.host !== "") {
      throw refuse("the path of its socket is not absolute", "write three slashes: haproxy+unix:///…");
    }
    return { transport: "unix", path: readPath(decoded(url.pathname, refuse), "the socket", refuse) };
  }
  if (url.protocol !== "haproxy+tcp:") {
    const shown = JSON.stringify(url.protocol.slice(0, 40));
    throw refuse(`its URL begins with ${shown}`, "use haproxy+unix:, haproxy+tcp: or kontena+etcd:");
  }
  if (url.pathname !== "" && url.pathname !== "/") throw refuse("its URL has a path, which haproxy+tcp: does not");
  const socket = readEndpoint(url.host, "the socket", refuse);
  if (!isLoopback(socket.hostname)) {
    throw refuse(
      `private keys do not travel over TCP to ${socket.hostname}`,
      "use haproxy+unix:, or haproxy+tcp://127.0.0.1:PORT",
    );
  }
  return { transport: "tcp", ...socket };
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname);
}
