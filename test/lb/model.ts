/**
 * A model of the last Kontena Load Balancer (2018, HAProxy 1.8.14), unmodified, with its traps: a real etcd is polled, the
 * configuration is rendered, tested and handed to a real HAProxy. It knows nothing of the code that it is there to try.
 *
 * What the model on HAProxy 2.6 cannot show: 1.8 also loads dot files in the certificate directory, and has no commands
 * for certificates on its socket.
 *
 * @module
 */
import { freePort, listening, tempDir, until } from "../support/process.ts";
import { writeCertificates } from "./certificates.ts";
import { serveChallenges } from "./challenges.ts";
import { challengesOf, type Env } from "./environment.ts";
import { writeErrorPages } from "./error_pages.ts";
import { type EtcdNode, readLayout } from "./layout.ts";
import { haproxyProcesses } from "./process.ts";
import { type Places, renderConfig } from "./render.ts";

/** What {@linkcode startKontenaLb} is told. */
export interface KontenaLbOptions {
  /** For example `{ url: "http://127.0.0.1:2379" }`. */
  readonly etcd: { readonly url: string };
  /** `service` or `stack/service`. */
  readonly name: string;
  /** The container's environment. Nothing of the test's own gets in. */
  readonly env?: Env;
  /** A folder that is mounted on the certificate directory; without one, the container's own, which need not be there. */
  readonly certs?: string;
  readonly ports?: Partial<Pick<Places, "httpPort" | "httpsPort" | "statsPort" | "challengePort">>;
  /** Milliseconds between two looks at etcd; the original's 1,000 unless told. */
  readonly pollMs?: number;
}

/** A load balancer that runs. Disposing ends all its processes, old workers too. */
export interface KontenaLb extends AsyncDisposable {
  readonly name: string;
  /** Its folder: configuration, admin socket, certificates. */
  readonly root: string;
  /** The certificate directory. It need not exist. */
  readonly certs: string;
  /** The admin socket. It is made anew by each HAProxy. */
  readonly socket: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly statsPort: number;
  /** The newest HAProxy; undefined while there is none. */
  readonly pid: number | undefined;
  /** How often it has looked at etcd, with or without success. What a few more looks did not change, it did not notice. */
  readonly looks: number;
  /** How often a new HAProxy has taken over from another: counted a little later than clients may meet it. */
  readonly reloads: number;
  /** How many configurations HAProxy did not accept. */
  readonly refusals: number;
  /** The configuration that was written last, accepted or not; empty before. */
  configuration(): string;
  /** What the container printed: the LB's lines, then HAProxy's. */
  output(): string;
  /** Ends the newest HAProxy at once, and waits until it is gone. */
  kill(): Promise<void>;
  /** Waits until its HTTP port is open. It may never be: HAProxy does not start without what it needs. */
  ready(ms?: number): Promise<void>;
}

/** Boots the container. Neither etcd nor HAProxy has to work for that. */
export function startKontenaLb(options: KontenaLbOptions): KontenaLb {
  const { name, env = {}, pollMs = 1_000 } = options;
  const parts = new AsyncDisposableStack();
  const root = parts.use(tempDir()).path;
  const places = toPlaces(root, options);
  let lines = "";
  const log = (line: string): void => void (lines += `${line}\n`);
  writeErrorPages(places.errors);
  writeCertificates(env, places.certs, log);
  parts.use(serveChallenges(challengesOf(env), places.challengePort));
  const processes = parts.use(haproxyProcesses(`${root}/haproxy.cfg`, places.socket, log));
  let written = "";
  const act = async (tree: EtcdNode): Promise<void> => {
    const text = renderConfig(readLayout(tree), env, places);
    if (text === written) return;
    await Deno.writeTextFile(`${root}/haproxy.cfg`, text);
    written = text;
    await processes.update();
  };
  const poll = parts.use(startPoll(`${options.etcd.url}/v2/keys/kontena/haproxy/${name}`, pollMs, act, log));
  return {
    name,
    root,
    certs: places.certs,
    socket: places.socket,
    httpPort: places.httpPort,
    httpsPort: places.httpsPort,
    statsPort: places.statsPort,
    get pid(): number | undefined {
      return processes.newest?.pid;
    },
    get looks(): number {
      return poll.looks;
    },
    get reloads(): number {
      return processes.reloads;
    },
    get refusals(): number {
      return processes.refusals;
    },
    configuration: () => written,
    output: () => lines + processes.output(),
    async kill(): Promise<void> {
      const { newest } = processes;
      newest?.kill("SIGKILL");
      await newest?.exit;
    },
    ready: (ms) => until(`port ${places.httpPort} of the LB`, () => listening(places.httpPort), ms).then(() => {}),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

function toPlaces(root: string, { certs = `${root}/certs`, ports = {} }: KontenaLbOptions): Places {
  return {
    httpPort: ports.httpPort ?? freePort(),
    httpsPort: ports.httpsPort ?? freePort(),
    statsPort: ports.statsPort ?? freePort(),
    challengePort: ports.challengePort ?? freePort(),
    certs: certs.replace(/\/$/, ""),
    errors: `${root}/errors`,
    socket: `${root}/haproxy-admin.sock`,
  };
}

/** Reads the tree again and again, until it is disposed. What goes wrong is printed, and changes nothing. */
function startPoll(
  url: string,
  ms: number,
  act: (tree: EtcdNode) => Promise<void>,
  log: (line: string) => void,
): AsyncDisposable & { readonly looks: number } {
  let looks = 0;
  const control = new AbortController();
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const init = { client, signal: control.signal };
  const turns = async (): Promise<void> => {
    while (await pause(ms, control.signal)) {
      try {
        await act(await readTree(url, init));
      } catch (error) {
        if (!control.signal.aborted) log(`ERROR -- : ${error}`);
      }
      looks++;
    }
  };
  const running = turns();
  return {
    get looks(): number {
      return looks;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      control.abort();
      await running;
      client.close();
    },
  };
}

/** The LB's directory, which is made where it is missing. */
async function readTree(url: string, init: RequestInit & { readonly client: Deno.HttpClient }): Promise<EtcdNode> {
  const response = await fetch(`${url}?recursive=true`, init);
  const body: { node?: EtcdNode; errorCode?: number; message?: string } = await response.json();
  if (body.node !== undefined) return body.node;
  // 100 is "Key not found".
  if (body.errorCode !== 100) throw new Error(`etcd answered ${response.status} ${body.message}`);
  const made = await fetch(url, { ...init, method: "PUT", body: new URLSearchParams({ dir: "true" }) });
  await made.body?.cancel();
  return await readTree(url, init);
}

/** False when it was broken off. */
function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve(!signal.aborted);
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
