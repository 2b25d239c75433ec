/**
 * A real HAProxy on free loopback ports: TLS behind an ALPN route, plain HTTP with the ACME route, a runtime socket.
 *
 * @module
 */
import { bundlePem } from "../../src/model/certificate.ts";
import { given } from "../../src/model/shape.ts";
import { testPki } from "./pki.ts";
import { freePort, listening, type Running, start, tempDir, until } from "./process.ts";

/** Everything that the configuration text names. */
export interface HaproxyLayout {
  /** Its folder: sockets, configuration, certificates. */
  readonly root: string;
  readonly mode: "directory" | "crt-list";
  readonly httpsPort: number;
  readonly httpPort: number;
  /** The same certificates on a bind of their own that wants a PROXY header. */
  readonly proxyPort: number;
  /** Where http-01 answers are asked for. */
  readonly sidecarPort: number;
  /** Where names below `acme.invalid` are sent; absent: they are treated as any other. */
  readonly sniPort?: number;
  /** Where upgrades to WebSocket are sent; absent: they are answered as any other request. */
  readonly webSocketPort?: number;
  /** Lines for `global`. */
  readonly global?: readonly string[];
  /** Sections at the end, which are read when all certificates are loaded. */
  readonly last?: string;
}

/** Writes haproxy.cfg. */
export function haproxyConfig(layout: HaproxyLayout): string {
  const { root, httpsPort, httpPort, proxyPort, sidecarPort, sniPort, webSocketPort, global = [], last = "" } = layout;
  const upgrade = "{ hdr(upgrade) -i websocket }";
  const webSockets = webSocketPort === undefined ? { answered: "", route: "", backend: "" } : {
    answered: ` unless ${upgrade}`,
    route: `  use_backend web_sockets if ${upgrade}\n`,
    backend: `
backend web_sockets
  mode http
  timeout tunnel 30s
  server site 127.0.0.1:${webSocketPort}
`,
  };
  const sniRoute = sniPort === undefined ? "" : "\n  use_backend acme_tls_sni if { req.ssl_sni -m end .acme.invalid }";
  const sniBackend = sniPort === undefined ? "" : `
backend acme_tls_sni
  mode tcp
  retries 0
  server sidecar 127.0.0.1:${sniPort}
`;
  const certificates = layout.mode === "directory" ? `crt ${root}/certs/` : `crt-list ${root}/certs.list`;
  return `
global
  stats socket ${root}/admin.sock mode 660 level admin expose-fd listeners
  stats socket ${root}/operator.sock mode 660 level operator
  stats timeout 30s
  hard-stop-after 5s
${global.map((line) => `  ${line}\n`).join("")}
defaults
  timeout connect 2s
  timeout client 30s
  timeout server 30s

frontend tls_mux
  mode tcp
  bind 127.0.0.1:${httpsPort}
  tcp-request inspect-delay 5s
  tcp-request content accept if { req.ssl_hello_type 1 }
  tcp-request content reject if WAIT_END
  use_backend acme_tls_alpn if { req.ssl_alpn -m str acme-tls/1 }${sniRoute}
  default_backend tls_loop

backend acme_tls_alpn
  mode tcp
  server challenges unix@${root}/alpn.sock send-proxy-v2
${sniBackend}
backend tls_loop
  mode tcp
  server https unix@${root}/https.sock send-proxy-v2

frontend challenges
  mode tcp
  bind unix@${root}/alpn.sock accept-proxy ssl crt-list ${root}/challenges.list strict-sni alpn acme-tls/1
  tcp-request content reject

frontend https
  mode http
  bind unix@${root}/https.sock accept-proxy ssl ${certificates} alpn h2,http/1.1
  bind 127.0.0.1:${proxyPort} accept-proxy ssl ${certificates} alpn h2,http/1.1
  http-request return status 200 content-type text/plain lf-string "hello from %pid\\n"${webSockets.answered}
${webSockets.route}${webSockets.backend}
frontend http
  mode http
  bind 127.0.0.1:${httpPort}
  acl acme path_beg /.well-known/acme-challenge/
  http-request redirect scheme https code 301 unless acme
  use_backend acme_http if acme

backend acme_http
  mode http
  retries 0
  server sidecar 127.0.0.1:${sidecarPort}
${last}`;
}

/** What {@linkcode startHaproxy} can be told. */
export interface HaproxyOptions {
  readonly mode?: "directory" | "crt-list";
  readonly sidecarPort?: number;
  /** A route for tls-sni-01 to the sidecar's own listener. */
  readonly sniPort?: number;
  /** A backend for WebSockets. */
  readonly webSocketPort?: number;
  /** Further files, base name → PEM, in the directory or the store (and then in the list). */
  readonly files?: Readonly<Record<string, string>>;
  /** That many further certificates, for `n0.filler.test` and so on. */
  readonly fillers?: number;
  readonly global?: readonly string[];
  /** Sections at the end, which are read when all certificates are loaded. */
  readonly last?: (root: string) => string;
  /** With a master, whose socket is `master.sock` in its folder; `pid` is the master's then. */
  readonly master?: boolean;
}

/** A HAProxy that runs. Disposing ends all its processes and removes its folder. */
export interface TestHaproxy extends AsyncDisposable {
  readonly layout: HaproxyLayout;
  readonly socket: string;
  /** Where the PEM files are. */
  readonly certs: string;
  /** The crt-list, in that mode. */
  readonly list: string;
  readonly challenges: string;
  readonly httpsPort: number;
  readonly httpPort: number;
  /** The newest process. */
  readonly pid: number;
  /** Its URL for `LOAD_BALANCERS`; `changes` replace or add parameters. */
  url(changes?: Readonly<Record<string, string>>): string;
  /** Sends one command to the runtime socket. */
  ask(command: string): Promise<string>;
  /** Starts a new process that takes over (`-sf`), and waits until it answers. */
  reload(): Promise<void>;
  /** Ends the newest process at once and waits until it is gone. */
  kill(): Promise<void>;
  /** Starts it again after {@linkcode TestHaproxy.kill}. */
  restart(): Promise<void>;
  /** What `haproxy -c` says. */
  check(): Promise<{ readonly code: number; readonly output: string }>;
  output(): string;
}

/** The file that is there from the start, so that HAProxy has a certificate: its default. */
export const PLACEHOLDER = "00-placeholder.pem";

/** Writes a configuration and starts HAProxy on it. */
export async function startHaproxy(options: HaproxyOptions = {}): Promise<TestHaproxy> {
  const dir = tempDir();
  const layout: HaproxyLayout = {
    root: dir.path,
    mode: options.mode ?? "directory",
    httpsPort: freePort(),
    httpPort: freePort(),
    proxyPort: freePort(),
    sidecarPort: options.sidecarPort ?? freePort(),
    ...given("sniPort", options.sniPort),
    ...given("webSocketPort", options.webSocketPort),
    global: options.global ?? [],
    last: options.last?.(dir.path) ?? "",
  };
  writeFiles(layout, options);
  const config = `${dir.path}/haproxy.cfg`;
  const socket = `${dir.path}/admin.sock`;
  const processes: Running[] = [];
  const newest = (): Running => {
    const process = processes.at(-1);
    if (process === undefined) throw new Error("HAProxy was not started");
    return process;
  };
  const launch = async (extra: readonly string[]): Promise<void> => {
    const master = options.master === true ? ["-W", "-S", `${dir.path}/master.sock`] : [];
    const process = start("haproxy", { args: ["-f", config, "-db", ...master, ...extra] });
    processes.push(process);
    const pid = options.master === true ? "\nPid: " : `\nPid: ${process.pid}\n`;
    const answers = until(
      `HAProxy ${config}`,
      async () =>
        (await askSocket(socket, "show info")).includes(pid) &&
        (options.master !== true || await accepts(`${dir.path}/master.sock`)) && await listening(layout.httpsPort),
      10_000 + 10 * (options.fillers ?? 0),
    );
    const died = process.exit.then((code) => {
      throw new Error(`HAProxy ended with ${code}:\n${process.output()}`);
    });
    died.catch(() => {});
    await Promise.race([answers, died]);
  };
  await launch([]);
  return {
    layout,
    socket,
    certs: layout.mode === "directory" ? `${dir.path}/certs` : `${dir.path}/store`,
    list: `${dir.path}/certs.list`,
    challenges: `${dir.path}/challenges.list`,
    httpsPort: layout.httpsPort,
    httpPort: layout.httpPort,
    get pid(): number {
      return newest().pid;
    },
    url: (changes = {}) => balancerUrl(layout, changes),
    ask: (command) => askSocket(socket, command),
    reload: () => launch(["-sf", String(newest().pid)]),
    async kill(): Promise<void> {
      newest().kill("SIGKILL");
      await newest().exit;
    },
    restart: () => launch([]),
    async check(): Promise<{ code: number; output: string }> {
      await using process = start("haproxy", { args: ["-c", "-V", "-f", config] });
      const code = await process.exit;
      return { code, output: process.output() };
    },
    output: () => processes.map((process) => process.output()).join(""),
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all(processes.map(async (process) => {
        process.kill("SIGKILL");
        await process.exit;
      }));
      dir[Symbol.dispose]();
    },
  };
}

function writeFiles(layout: HaproxyLayout, { files = {}, fillers = 0 }: HaproxyOptions): void {
  const { root, mode } = layout;
  const folder = mode === "directory" ? `${root}/certs` : `${root}/store`;
  Deno.mkdirSync(folder);
  const pki = testPki();
  const all: Record<string, string> = { [PLACEHOLDER]: bundlePem(pki.issue(["placeholder.invalid"])), ...files };
  for (let i = 0; i < fillers; i++) all[`filler-${i}.pem`] = bundlePem(pki.issue([`n${i}.filler.test`]));
  for (const [name, pem] of Object.entries(all)) Deno.writeTextFileSync(`${folder}/${name}`, pem);
  const lines = Object.keys(all).map((name) => `${folder}/${name}\n`).join("");
  if (mode === "crt-list") Deno.writeTextFileSync(`${root}/certs.list`, lines);
  Deno.writeTextFileSync(`${root}/challenges.list`, "");
  Deno.writeTextFileSync(`${root}/haproxy.cfg`, haproxyConfig(layout));
}

function balancerUrl(layout: HaproxyLayout, changes: Readonly<Record<string, string>>): string {
  const { root } = layout;
  const query = new URLSearchParams({
    ...layout.mode === "directory"
      ? { certs: `${root}/certs` }
      : { certs: `${root}/certs.list`, store: `${root}/store` },
    challenges: `${root}/challenges.list`,
    probe: `127.0.0.1:${layout.httpsPort}`,
    http: `127.0.0.1:${layout.httpPort}`,
    ...changes,
  });
  return `haproxy+unix://${root}/admin.sock?${query}`;
}

async function accepts(path: string): Promise<boolean> {
  (await Deno.connect({ transport: "unix", path })).close();
  return true;
}

/** Sends one command to a runtime socket and returns the whole reply. */
export async function askSocket(path: string, command: string): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode(`${command}\n`));
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let reply = "";
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    reply += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return reply;
}
