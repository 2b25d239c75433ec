/**
 * CA, balancer and what the sidecar has to know of them: the parts of the main job.
 *
 * @module
 */
import { type HaproxyOptions, startHaproxy, type TestHaproxy } from "./haproxy.ts";
import { type Pebble, PEBBLE_PROGRAMS, type PebbleOptions, startPebble } from "./pebble.ts";
import { freePort, has, start } from "./process.ts";

/** Runs {@linkcode Stage} and says what is missing where a program is not there. */
export function e2e(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  Deno.test({ name: `${name} [needs haproxy, pebble]`, ignore: !has(...PEBBLE_PROGRAMS, "haproxy"), fn });
}

/** Pebble that validates through HAProxy, which asks the sidecar for http-01 answers. */
export interface Stage extends AsyncDisposable {
  readonly pebble: Pebble;
  readonly haproxy: TestHaproxy;
  /** Where the sidecar has to answer http-01. */
  readonly challengePort: number;
  /** The sidecar's environment; the balancer is `infra/lb`. */
  readonly env: Readonly<Record<string, string>>;
}

/** Starts both. */
export async function startStage(
  options: { readonly pebble?: PebbleOptions; readonly haproxy?: HaproxyOptions } = {},
): Promise<Stage> {
  await using parts = new AsyncDisposableStack();
  const challengePort = freePort();
  const haproxy = parts.use(await startHaproxy({ sidecarPort: challengePort, ...options.haproxy }));
  const ports = { httpPort: haproxy.httpPort, tlsPort: haproxy.httpsPort };
  const pebble = parts.use(await startPebble({ ...ports, ...options.pebble }));
  const owned = parts.move();
  return {
    pebble,
    haproxy,
    challengePort,
    env: {
      ACME_DIRECTORY_URL: pebble.directory.href,
      ACME_CA_FILE: pebble.caFile,
      LOAD_BALANCERS: `infra/lb=${haproxy.url()}`,
      DNS_RESOLVERS: pebble.dns,
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** How many orders and certificates the CA has made, by its log; that is behind its answers, so it is let come to rest. */
export async function madeBy(
  pebble: Pick<Pebble, "output">,
): Promise<{ readonly orders: number; readonly certificates: number }> {
  let log = pebble.output();
  for (let before = ""; log !== before;) {
    before = log;
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    log = pebble.output();
  }
  return {
    orders: log.match(/Added order /g)?.length ?? 0,
    certificates: log.match(/Issued certificate serial /g)?.length ?? 0,
  };
}

/** Longer than a line takes from the CA to here. */
const REST_MS = 50;

/** Runs openssl and returns what it wrote; fails unless it ended with 0. */
export async function openssl(...args: readonly string[]): Promise<string> {
  await using program = start("openssl", { args });
  if (await program.exit !== 0) throw new Error(`openssl ${args.join(" ")}: ${program.output()}`);
  return program.output();
}
