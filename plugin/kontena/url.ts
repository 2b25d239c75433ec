import { given } from "../../src/model/shape.ts";
import {
  hostPort,
  type Permissions,
  readBalancerUrl,
  readDefault,
  readEndpoint,
  readProxy,
  type Refuse,
} from "../certs/balancer_url.ts";
import type { CertificatePlace } from "../certs/place.ts";
import type { Endpoint } from "../net/connection.ts";
import type { ProxyVersion } from "../net/proxy_header.ts";

/** One Kontena Load Balancer, as its URL describes it. Paths are absolute and without a final slash. */
export interface KontenaConfig {
  readonly kind: "kontena";
  readonly name: string;
  /** The etcd that the balancer polls; nothing secret is written there. */
  readonly etcd: Endpoint;
  /** The balancer's own name below `/kontena/haproxy`: its service, or `stack/service`. */
  readonly service: string;
  /** The directory that the balancer sees as `/etc/haproxy/certs`. */
  readonly certificates: CertificatePlace & { readonly kind: "directory" };
  /** Where the balancer sees the folder that `certs` is in. */
  readonly lbRoot?: string;
  /** Where it serves TLS. */
  readonly probe: Endpoint;
  readonly probeProxy?: ProxyVersion;
  /** Where it serves plain HTTP: port 80 of the probe's host unless told. */
  readonly http: Endpoint;
  /** Where it reaches the sidecar's http-01 answers. */
  readonly answer: Endpoint;
  /** Its HAProxy's runtime socket, where that is shared: of use from HAProxy 2.2 on. */
  readonly socket?: string;
  /** Base name of the file that shall be the default certificate. */
  readonly defaultFile?: string;
}

const PARAMETERS = ["certs", "probe", "answer", "http", "probe-proxy", "socket", "lb-root", "default"] as const;

const EXAMPLE =
  "write it like kontena+etcd://127.0.0.1:2379/infra/lb?certs=/etc/haproxy/certs&probe=127.0.0.1:443&answer=172.17.0.5:54322";

/**
 * Reads the URL of a Kontena Load Balancer: `kontena+etcd://HOST:PORT/STACK/SERVICE?…`, with `certs`, `probe` and `answer`.
 *
 * @param name Its name in `LOAD_BALANCERS`.
 * @throws {InputError} If a parameter is missing, unknown or wrong.
 */
export function parseKontena(name: string, text: string): KontenaConfig {
  const { url, refuse, value, path, endpoint } = readBalancerUrl(name, text, PARAMETERS, EXAMPLE);
  if (url.protocol !== "kontena+etcd:") {
    throw refuse(`its URL begins with ${JSON.stringify(url.protocol.slice(0, 40))}`, "use kontena+etcd:");
  }
  const needed = <T>(found: T | undefined, parameter: string, todo: string): T => {
    if (found === undefined) throw refuse(`${parameter}= is missing`, todo);
    return found;
  };
  const certs = needed(path("certs"), "certs", "name the directory that the balancer has as /etc/haproxy/certs");
  const probe = needed(endpoint("probe"), "probe", "name the address where it serves TLS, as 127.0.0.1:443");
  return {
    kind: "kontena",
    name,
    etcd: readEndpoint(url.host, "the address of etcd", refuse),
    service: readService(url.pathname, refuse),
    certificates: { kind: "directory", path: certs },
    ...given("lbRoot", path("lb-root")),
    probe,
    ...given("probeProxy", readProxy(value("probe-proxy"), refuse)),
    http: endpoint("http") ?? { hostname: probe.hostname, port: 80 },
    answer: needed(endpoint("answer"), "answer", "name the address where it reaches CHALLENGE_HTTP_LISTEN"),
    ...given("socket", path("socket")),
    ...given("defaultFile", readDefault(value("default"), refuse)),
  };
}

/** Lists what Deno has to be allowed; a unix socket needs all three (net, read and write), a name to be looked up net. */
export function kontenaPermissions({ etcd, certificates, probe, http, answer, socket }: KontenaConfig): Permissions {
  const paths = [certificates.path, ...socket === undefined ? [] : [socket]];
  // It is looked up, never reached: Deno lets a name be looked up only where it may be reached on every port.
  const net = [...[etcd, probe, http].map(hostPort), isAddress(answer.hostname) ? hostPort(answer) : answer.hostname];
  const all = new Set([...net, ...socket === undefined ? [] : [`unix:${socket}`]]);
  return { net: [...all], read: paths, write: paths, run: [] };
}

function isAddress(hostname: string): boolean {
  return hostname.includes(":") || /^[\d.]+$/.test(hostname);
}

/** `/lb` or `/stack/lb`; Kontena writes a service without a stack as `null/lb`, and etcd has it without. */
function readService(path: string, refuse: Refuse): string {
  const parts = path.replace(/^\//, "").replace(/^null\//, "").split("/");
  if (parts.length <= 2 && parts.every((part) => /^[A-Za-z0-9_-]+$/.test(part))) return parts.join("/");
  throw refuse(
    `${JSON.stringify(path.slice(0, 80))} is not the name of a service`,
    "write the balancer's service as STACK/SERVICE after the address of etcd",
  );
}
