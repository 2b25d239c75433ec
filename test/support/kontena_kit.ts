/**
 * A Kontena Load Balancer of the test's own on a real etcd, with an adapter for it.
 *
 * @module
 */
import type { Event, LoadBalancer } from "../../src/ports.ts";
import { preparePlaces } from "../../plugin/certs/placeholder.ts";
import { systemClock } from "../../plugin/clock.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { kontenaBalancer } from "../../plugin/kontena/balancer.ts";
import { parseKontena } from "../../plugin/kontena/url.ts";
import { type KontenaLb, type KontenaLbOptions, startKontenaLb } from "../lb/model.ts";
import { startEtcd, type TestEtcd } from "./etcd.ts";
import { has, tempDir } from "./process.ts";

/** The LB's name in etcd. */
export const SERVICE = "infra/lb";
/** Its directory there. */
export const ROOT_KEY = `/kontena/haproxy/${SERVICE}`;

/** Switches TLS on and writes no file: the LB takes it for an invalid certificate. */
const TLS_ON = { SSL_CERT_SIDECAR: "see the shared directory" };

/** Enough for an LB that polls ten times a second. */
const PATIENCE_MS = 2_500;

/** What {@linkcode startKontenaKit} can be told. */
export interface KontenaKitOptions extends Partial<Pick<KontenaLbOptions, "env" | "pollMs">> {
  /** Waits for its HTTP port, which is open only where it has anything to serve. */
  readonly ready?: boolean;
  /** Where http-01 requests shall go. */
  readonly answer?: string;
  /** The adapter may use the runtime socket of the LB's HAProxy. */
  readonly socket?: boolean;
}

/** LB, etcd, and the adapter between them. */
export interface KontenaKit extends AsyncDisposable {
  readonly etcd: TestEtcd;
  readonly lb: KontenaLb;
  /** The shared certificate directory. */
  readonly certs: string;
  readonly balancer: LoadBalancer;
  readonly events: readonly Event[];
  /** Its URL for `LOAD_BALANCERS`; `changes` replace or add parameters. */
  url(changes?: Readonly<Record<string, string>>): string;
  /** Another adapter for the same LB. */
  other(changes?: Readonly<Record<string, string>>): LoadBalancer;
}

/** Runs a test on a kit, and says what is missing where a program is not there. */
export function kontena(name: string, options: KontenaKitOptions, run: (kit: KontenaKit) => Promise<void>): void {
  Deno.test({
    name: `${name} [needs haproxy, etcd]`,
    ignore: !has("haproxy", "etcd"),
    async fn(): Promise<void> {
      await using kit = await startKontenaKit(options);
      await run(kit);
    },
  });
}

/** Starts etcd, puts a placeholder into the directory, starts the LB and waits for its first HAProxy. */
export async function startKontenaKit(options: KontenaKitOptions = {}): Promise<KontenaKit> {
  await using parts = new AsyncDisposableStack();
  const events: Event[] = [];
  const certs = parts.use(tempDir()).path;
  const clock = systemClock;
  const sink = { emit: (event: Event) => void events.push(event) };
  await preparePlaces({ name: "lb", certificates: { kind: "directory", path: certs } }, { clock, events: sink });
  const etcd = parts.use(await startEtcd());
  const lb = parts.use(
    startKontenaLb({ etcd, name: SERVICE, certs, pollMs: 100, ...options, env: options.env ?? TLS_ON }),
  );
  if (options.ready ?? true) await lb.ready();
  const url = (changes: Readonly<Record<string, string>> = {}): string => {
    const query = new URLSearchParams({
      certs,
      probe: `127.0.0.1:${lb.httpsPort}`,
      http: `127.0.0.1:${lb.httpPort}`,
      answer: options.answer ?? "127.0.0.1:1",
      ...options.socket === true ? { socket: lb.socket } : {},
      ...changes,
    });
    return `kontena+etcd://${etcd.endpoint}/${SERVICE}?${query}`;
  };
  const other: KontenaKit["other"] = (changes) => {
    const config = parseKontena("lb", url(changes));
    const { socket, etcd: _etcd, service: _service, ...rest } = config;
    const more = socket === undefined ? {} : {
      runtime: haproxyBalancer(
        { ...rest, kind: "haproxy", socket: { transport: "unix", path: socket } },
        { clock, events: sink },
      ),
    };
    const patienceMs = options.pollMs === undefined ? PATIENCE_MS : 10_000;
    return kontenaBalancer(config, { clock, events: sink, patienceMs, ...more });
  };
  const owned = parts.move();
  return {
    etcd,
    lb,
    certs,
    balancer: other(),
    events,
    url,
    other,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The names in a directory that HAProxy would load, sorted; also tells what lies in its sub-directories. */
export function namesIn(directory: string): readonly string[] {
  const names: string[] = [];
  for (const entry of Deno.readDirSync(directory)) {
    if (!entry.isDirectory) names.push(entry.name);
    else names.push(...namesIn(`${directory}/${entry.name}`).map((name) => `${entry.name}/${name}`));
  }
  return names.sort();
}
