/**
 * The lines of haproxy.cfg that a balancer needs, part by part under the names that a check reports. They are a whole
 * configuration by themselves, and each part can be left out or moved without breaking the others.
 *
 * @module
 */
import { given } from "../../src/model/shape.ts";
import type { Call } from "../../src/ports.ts";
import { hostPort } from "../certs/balancer_url.ts";
import { lbPath } from "../certs/place.ts";
import type { Address, Endpoint } from "../net/connection.ts";
import { findList } from "./locate.ts";
import { atLeast, type Version } from "./payload.ts";
import type { Tools } from "./tools.ts";
import type { HaproxyConfig } from "./url.ts";

/** What the lines are written from. */
export interface LinesOf {
  readonly config: HaproxyConfig;
  /** Of the HAProxy that answers; absent where none does. */
  readonly version?: Version;
  /** The directory or crt-list, as the balancer sees it. */
  readonly certs: string;
  /** The crt-list of challenges, as the balancer sees it. */
  readonly challenges?: string;
  /** Where the sidecar listens for http-01. */
  readonly answers: Endpoint;
}

/** What `CHALLENGE_HTTP_LISTEN` is unless told. */
const USUAL_ANSWERS: Endpoint = { hostname: "127.0.0.1", port: 54_322 };

/** Writes the lines for the HAProxy that answers, in its own spelling of the paths. */
export async function haproxyLines(tools: Tools, call: Call): Promise<string> {
  const { config, runtime, answers = USUAL_ANSWERS } = tools;
  const unlessAway = async <T>(ask: Promise<T>): Promise<T | undefined> => {
    try {
      return await ask;
    } catch {
      call.signal.throwIfAborted();
      return undefined;
    }
  };
  const version = (await unlessAway(runtime.info(call)))?.version;
  const spelled = async (path: string): Promise<string> =>
    await unlessAway(findList(tools, path, call)) ?? lbPath(config, path);
  return writeLines({
    config,
    ...given("version", version),
    certs: await spelled(config.certificates.path),
    ...given("challenges", config.challenges === undefined ? undefined : await spelled(config.challenges)),
    answers,
  });
}

/** Writes the lines. */
export function writeLines(it: LinesOf): string {
  const { config: { name }, version } = it;
  if (version !== undefined && !atLeast(version, 2, 2)) return tooOld(name, version);
  const what = version === undefined
    ? "no HAProxy answers on its runtime socket yet: lines for 2.2, the oldest that will do"
    : `HAProxy ${version.text}`;
  const sections = [
    [`# haproxy.cfg for ${name}: ${what}`, "# Each heading is a part that a check of the balancer reports."],
    ["defaults", "  timeout connect 5s", "  timeout client 60s", "  timeout server 60s"],
    runtimeSocket(it),
    ...it.challenges === undefined ? direct(it) : behindRoute(it, it.challenges),
    httpRoute(it),
  ];
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function tooOld(name: string, { text }: Version): string {
  return `# ${name} is HAProxy ${text}: certificates cannot be put into it while it runs, nor can challenges be answered by it;\n` +
    "# both need HAProxy 2.2. With that these are its lines.\n";
}

function heading(...parts: readonly string[]): string {
  return `# --- ${parts.join(", ")} ---`;
}

function runtimeSocket({ config: { socket, ...config } }: LinesOf): readonly string[] {
  return [
    heading("runtime socket"),
    ...socket.transport === "unix" ? ['# a sidecar that is not root needs "group G" in this line, and to be in G'] : [],
    "global",
    `  stats socket ${socketOf(socket, config)} level admin expose-fd listeners`,
    "  stats timeout 30s",
  ];
}

function socketOf(socket: Address, config: Omit<HaproxyConfig, "socket">): string {
  if (socket.transport === "unix") return `${lbPath(config, socket.path)} mode 660`;
  const hostname = socket.hostname === "localhost" ? "127.0.0.1" : socket.hostname;
  return `${hostname.includes(":") ? "ipv6" : "ipv4"}@${hostname}:${socket.port}`;
}

/** Without challenges, the certificates are on the public bind. */
function direct({ config, certs }: LinesOf): readonly (readonly string[])[] {
  const proxy = config.probeProxy === undefined ? "" : " accept-proxy";
  return [
    [heading("certificates", "TLS"), ...production(config, certs, `:${config.probe.port}${proxy}`)],
    [
      "# tls-alpn-01 needs a frontend of its own: with challenges= in the URL in LOAD_BALANCERS, the path of a crt-list",
      "# beside the certificates that may be empty, these lines have it.",
    ],
  ];
}

/** A client that offers acme-tls/1 is sent to the challenges, everybody else to production (RFC 8737 §4). */
function behindRoute({ config, certs }: LinesOf, challenges: string): readonly (readonly string[])[] {
  const proxy = config.probeProxy === undefined ? "" : " accept-proxy";
  const inner = (what: string): string => `abns@${config.name.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 60)}-${what}`;
  return [
    [
      heading("certificates"),
      "# abns@ is a socket without a file, which a chroot does not hide",
      ...production(config, certs, `${inner("https")} accept-proxy`),
    ],
    [
      heading("challenge frontend"),
      `# ${challenges} may be empty, which HAProxy warns of: challenges go in and out while it runs`,
      "frontend challenges",
      "  mode tcp",
      `  bind ${inner("acme-tls")} accept-proxy ssl crt-list ${challenges} strict-sni alpn acme-tls/1`,
      "  tcp-request content reject",
    ],
    [
      heading("TLS"),
      "listen tls",
      "  mode tcp",
      `  bind :${config.probe.port}${proxy}`,
      "  tcp-request inspect-delay 5s",
      "  tcp-request content accept if { req.ssl_hello_type 1 }",
      "  tcp-request content reject if WAIT_END",
      `  server https ${inner("https")} send-proxy-v2`,
    ],
    [
      heading("tls-alpn-01 route"),
      "# this line belongs to the proxy with the public bind",
      "  use_backend acme_tls if { req.ssl_alpn -m str acme-tls/1 }",
      "",
      "backend acme_tls",
      "  mode tcp",
      `  server challenges ${inner("acme-tls")} send-proxy-v2`,
    ],
  ];
}

function production({ certificates: place }: HaproxyConfig, certs: string, bind: string): readonly string[] {
  const list = place.kind === "directory" ? `crt ${certs}/` : `crt-list ${certs}`;
  return [
    "# HAProxy starts only with at least one certificate there; the sidecar puts one where it finds none",
    "frontend https",
    "  mode http",
    `  bind ${bind} ssl ${list} alpn h2,http/1.1`,
    "  # your own rules and your default_backend belong here",
  ];
}

function httpRoute({ config: { http, answer }, answers }: LinesOf): readonly string[] {
  return [
    heading("http-01 route"),
    "# it comes before every redirect and return: those are carried out before use_backend",
    "frontend http",
    "  mode http",
    `  bind :${http?.port ?? 80}`,
    "  acl acme path_beg /.well-known/acme-challenge/",
    "  http-request redirect scheme https code 301 unless acme",
    "  use_backend acme_http if acme",
    "",
    "backend acme_http",
    "  mode http",
    "  retries 0",
    ...sidecar(answer, answers),
  ];
}

function sidecar(answer: Endpoint | undefined, answers: Endpoint): readonly string[] {
  const anywhere = answers.hostname === "0.0.0.0" || answers.hostname === "::";
  if (answer !== undefined || !anywhere) return [`  server sidecar ${hostPort(answer ?? answers)}`];
  return [
    `  # the sidecar listens on ${hostPort(answers)}: 127.0.0.1 is right only on the same machine or in the same pod,`,
    "  # else set answer= in the URL in LOAD_BALANCERS to the address where HAProxy reaches it",
    `  server sidecar 127.0.0.1:${answers.port}`,
  ];
}
