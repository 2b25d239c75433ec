/**
 * A real etcd on free loopback ports, with the v2 keys API that the Kontena platform speaks.
 *
 * @module
 */
import { freePort, type Running, start, tempDir, until } from "./process.ts";

/** What {@linkcode startEtcd} can be told. */
export interface EtcdOptions {
  /** Serves the v2 keys API; true unless told. It is gone in etcd 3.6. */
  readonly v2?: boolean;
  /** Where clients are answered; a free port unless told. */
  readonly port?: number;
}

/** An etcd that runs. The keys are those of the v2 API, and begin with a slash. */
export interface TestEtcd extends AsyncDisposable {
  /** For example `http://127.0.0.1:23790`. */
  readonly url: string;
  /** For example `127.0.0.1:23790`. */
  readonly endpoint: string;
  readonly port: number;
  put(key: string, value: string): Promise<void>;
  /** The value of a key; undefined where there is none, or a directory. */
  get(key: string): Promise<string | undefined>;
  /** Removes a key, or a directory with all below it; content where there is neither. */
  remove(key: string): Promise<void>;
  /** All keys with a value below a directory, sorted; none where there is no directory. */
  keys(prefix: string): Promise<readonly string[]>;
  /** Ends it at once; its data stays. */
  stop(): Promise<void>;
  /** Starts it again on the same port and data. */
  restart(): Promise<void>;
  output(): string;
}

/** A node of the v2 API's answers. */
interface Node {
  readonly key?: string;
  readonly value?: string;
  readonly dir?: boolean;
  readonly nodes?: readonly Node[];
}

/** Starts etcd and waits until it answers. */
export async function startEtcd({ v2 = true, port = freePort() }: EtcdOptions = {}): Promise<TestEtcd> {
  await using parts = new AsyncDisposableStack();
  const data = parts.use(tempDir()).path;
  // No connection is kept: one from before a restart would fail the first request after it.
  const client = parts.adopt(Deno.createHttpClient({ poolMaxIdlePerHost: 0 }), (it) => it.close());
  const endpoint = `127.0.0.1:${port}`;
  const url = `http://${endpoint}`;
  const args = toArguments(url, `http://127.0.0.1:${freePort()}`, data, v2);
  const processes: Running[] = [];
  const ask = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${url}${path}`, { ...init, client });
  const launch = async (): Promise<void> => {
    // 3.4 runs on arm64 only for who says that he means it.
    const process = start("etcd", { args, clearEnv: true, env: { ETCD_UNSUPPORTED_ARCH: "arm64" } });
    processes.push(process);
    await Promise.race([
      until("etcd", async () => (await (await ask("/health")).text()).includes("true")),
      process.exit.then((code) => Promise.reject(new Error(`etcd ended with ${code}:\n${process.output()}`))),
    ]);
  };
  const stop = async (): Promise<void> => {
    processes.at(-1)?.kill("SIGKILL");
    await processes.at(-1)?.exit;
  };
  parts.defer(stop);
  await launch();
  const owned = parts.move();
  return {
    url,
    endpoint,
    port,
    ...keysApi(ask),
    stop,
    restart: launch,
    output: () => processes.map((process) => process.output()).join(""),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function toArguments(client: string, peer: string, data: string, v2: boolean): readonly string[] {
  const options = {
    "data-dir": data,
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `default=${peer}`,
    // There is nobody to wait for: it elects itself ten times faster than by default.
    "heartbeat-interval": "10",
    "election-timeout": "100",
    logger: "zap",
    "log-level": "error",
    "enable-v2": String(v2),
    // What is lost when the machine dies is no concern of a test.
    "unsafe-no-fsync": "true",
  };
  return Object.entries(options).map(([name, value]) => `--${name}=${value}`);
}

type Ask = (path: string, init?: RequestInit) => Promise<Response>;

function keysApi(ask: Ask): Pick<TestEtcd, "put" | "get" | "remove" | "keys"> {
  const request = async (key: string, init?: RequestInit, query = ""): Promise<Node | undefined> => {
    const response = await ask(`/v2/keys${encodeURI(key)}${query}`, init);
    const body: { node?: Node; message?: string } = await response.json();
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`etcd answered ${response.status} for ${key}: ${body.message}`);
    return body.node;
  };
  return {
    async put(key, value): Promise<void> {
      await request(key, { method: "PUT", body: new URLSearchParams({ value }) });
    },
    get: async (key) => (await request(key))?.value,
    async remove(key): Promise<void> {
      await request(key, { method: "DELETE" }, "?recursive=true");
    },
    keys: async (prefix) => leaves(await request(prefix, {}, "?recursive=true")).sort(),
  };
}

function leaves(node: Node | undefined): string[] {
  if (node === undefined) return [];
  if (node.dir !== true) return node.key === undefined ? [] : [node.key];
  return (node.nodes ?? []).flatMap(leaves);
}
