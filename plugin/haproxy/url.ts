import { InputError } from "../../src/model/errors.ts";
import { given } from "../../src/model/shape.ts";
import type { Address, Endpoint } from "../net/connection.ts";
import type { ProxyVersion } from "../net/proxy_header.ts";

/** Where a balancer's certificates are, as this process sees the paths. */
export type CertificatePlace =
  | { readonly kind: "directory"; readonly path: string }
  | { readonly kind: "crt-list"; readonly path: string; readonly store: string };

/** One HAProxy, as its URL describes it. Paths are absolute and without a final slash. */
export interface BalancerConfig {
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
  /** Master socket or command with which it is reloaded; kept for those who need a reload, a swap does not. */
  readonly reload?: string;
  /** Base name of the file that shall be the default certificate. */
  readonly defaultFile?: string;
}

/** What Deno has to be allowed for a balancer. */
export interface Permissions {
  readonly net: readonly string[];
  readonly read: readonly string[];
  readonly write: readonly string[];
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
] as const;

type Parameter = typeof PARAMETERS[number];

const EXAMPLE = "write it like haproxy+unix:///var/run/haproxy-admin.sock?certs=/etc/haproxy/certs&probe=127.0.0.1:443";
/** What HAProxy reads as one word, on its command line and in a crt-list: no space, quote, `;`, `#`, `<`, `[` or backslash. */
const WORD = /^[A-Za-z0-9_.@%+:,=~/-]+$/;

/**
 * Reads the URL of a balancer: `haproxy+unix:///SOCKET?…` or `haproxy+tcp://LOOPBACK:PORT?…`, with `certs` and `probe`.
 *
 * @param name Its name in `LOAD_BALANCERS`.
 * @throws {InputError} If a parameter is missing, unknown or wrong, or keys would travel over a network in clear.
 */
export function parseBalancer(name: string, url: string): BalancerConfig {
  const refuse: Refuse = (why, todo = EXAMPLE) =>
    new InputError("load_balancers", `Cannot use load balancer ${JSON.stringify(name)}: ${why}`, todo);
  const parsed = URL.parse(url);
  if (parsed === null) throw refuse("its URL cannot be read");
  const values = readParameters(parsed, refuse);
  const path = (parameter: Parameter): string | undefined => {
    const value = values.get(parameter);
    return value === undefined ? undefined : readPath(value, `${parameter}=`, refuse);
  };
  const endpoint = (parameter: Parameter): Endpoint | undefined => {
    const value = values.get(parameter);
    return value === undefined ? undefined : readEndpoint(value, `${parameter}=`, refuse);
  };
  const certs = path("certs");
  const probe = endpoint("probe");
  if (certs === undefined) {
    throw refuse("certs= is missing", "name the certificate directory, or a crt-list and store=");
  }
  if (probe === undefined) throw refuse("probe= is missing", "name the address where it serves TLS, as 127.0.0.1:443");
  const store = path("store");
  return {
    name,
    socket: readSocket(parsed, refuse),
    certificates: store === undefined ? { kind: "directory", path: certs } : { kind: "crt-list", path: certs, store },
    probe,
    ...given("probeProxy", readProxy(values.get("probe-proxy"), refuse)),
    ...given("lbRoot", path("lb-root")),
    ...given("challenges", path("challenges")),
    ...given("http", endpoint("http")),
    ...given("reload", values.get("reload")),
    ...given("defaultFile", readDefault(values.get("default"), refuse)),
  };
}

/** Lists what Deno has to be allowed; a unix socket needs all three (net, read and write). */
export function permissionsFor(config: BalancerConfig): Permissions {
  const { socket, certificates: place, probe, http } = config;
  const host = ({ hostname, port }: Endpoint): string =>
    `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  const paths = [
    ...socket.transport === "unix" ? [socket.path] : [],
    ...place.kind === "directory" ? [place.path] : [parent(place.path), place.store],
  ];
  const net = [
    socket.transport === "unix" ? `unix:${socket.path}` : host(socket),
    host(probe),
    ...http === undefined ? [] : [host(http)],
  ];
  return { net, read: paths, write: paths };
}

/** The folder that a path is in. */
export function parent(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * A path as the balancer sees it: what lies in the folder of `certs` is below `lb-root`, where that is given; the rest is
 * the same for both.
 */
export function lbPath(config: BalancerConfig, path: string): string {
  const root = parent(config.certificates.path);
  if (config.lbRoot === undefined || !path.startsWith(root === "/" ? root : `${root}/`)) return path;
  return `${config.lbRoot}/${path.slice(root === "/" ? 1 : root.length + 1)}`;
}

type Refuse = (why: string, todo?: string) => InputError;

function readParameters(url: URL, refuse: Refuse): ReadonlyMap<Parameter, string> {
  const values = new Map<Parameter, string>();
  for (const [key, value] of url.searchParams) {
    const parameter = PARAMETERS.find((it) => it === key);
    const shown = JSON.stringify(key.slice(0, 40));
    if (parameter === undefined) throw refuse(`${shown} is not a parameter`, `use ${PARAMETERS.join(", ")}`);
    if (values.has(parameter)) throw refuse(`${parameter}= is there twice`, "leave one of them out");
    if (value === "") throw refuse(`${parameter}= is empty`, "give it a value or leave it out");
    values.set(parameter, value);
  }
  return values;
}

function readSocket(url: URL, refuse: Refuse): Address {
  if (url.username !== "" || url.password !== "" || url.hash !== "") {
    throw refuse("it has a user, password or fragment");
  }
  if (url.protocol === "haproxy+unix:") {
    if (url.host !== "") {
      throw refuse("the path of its socket is not absolute", "write three slashes: haproxy+unix:///…");
    }
    return { transport: "unix", path: readPath(decoded(url.pathname, refuse), "the socket", refuse) };
  }
  if (url.protocol !== "haproxy+tcp:") {
    const shown = JSON.stringify(url.protocol.slice(0, 40));
    throw refuse(`its URL begins with ${shown}`, "use haproxy+unix: or haproxy+tcp:");
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

function decoded(text: string, refuse: Refuse): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refuse("its URL is not percent-encoded as it should be");
  }
}

/** Relative paths are from the working directory. */
function readPath(value: string, what: string, refuse: Refuse): string {
  if (!WORD.test(value) || value.split("/").includes("..")) {
    const shown = JSON.stringify(value.slice(0, 80));
    throw refuse(
      `${what} is ${shown}, a path that HAProxy's runtime API cannot take`,
      "use letters, digits, _ . - and /",
    );
  }
  const absolute = value.startsWith("/") ? value : `${Deno.cwd()}/${value.replace(/^\.\//, "")}`;
  const path = absolute.replace(/\/+/g, "/").replace(/\/$/, "");
  if (path === "") throw refuse(`${what} is the root directory`, "name a folder or file in it");
  return path;
}

function readEndpoint(value: string, what: string, refuse: Refuse): Endpoint {
  const [, hostname, digits] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(value) ?? [];
  const port = Number(digits);
  if (hostname === undefined || !(port >= 1 && port <= 65_535)) {
    throw refuse(
      `${what} is ${JSON.stringify(value.slice(0, 80))}, not host:port`,
      "write it like 127.0.0.1:443 or [::1]:443",
    );
  }
  return { hostname: hostname.replace(/^\[|\]$/g, ""), port };
}

function readProxy(value: string | undefined, refuse: Refuse): ProxyVersion | undefined {
  if (value === undefined || value === "v1" || value === "v2") return value;
  throw refuse(`probe-proxy= is ${JSON.stringify(value.slice(0, 40))}`, "use v1 or v2");
}

function readDefault(value: string | undefined, refuse: Refuse): string | undefined {
  const file = value === undefined ? undefined : baseName(value);
  if (file !== undefined && !/^[\w.-]+$/.test(file)) {
    throw refuse("default= is not the name of a file", "use its base name");
  }
  return file;
}
