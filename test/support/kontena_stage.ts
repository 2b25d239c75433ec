/**
 * An unmodified Kontena Load Balancer, and a CA that validates through it: the parts of the main job on the Kontena platform.
 *
 * @module
 */
import { type KontenaKit, type KontenaKitOptions, startKontenaKit } from "./kontena_kit.ts";
import { type Pebble, PEBBLE_PROGRAMS, startPebble } from "./pebble.ts";
import { freePort, has } from "./process.ts";

/** Pebble that validates through the LB, which gets its routes from etcd. */
export interface KontenaStage extends AsyncDisposable {
  readonly kit: KontenaKit;
  readonly pebble: Pebble;
  /** Where the sidecar has to answer http-01. */
  readonly challengePort: number;
  /** The sidecar's environment; the balancer is `infra/lb`. */
  readonly env: Readonly<Record<string, string>>;
}

/** Runs {@linkcode KontenaStage}, and says what is missing where a program is not there. */
export function kontenaE2e(name: string, fn: () => Promise<void>): void {
  const ignore = !has(...PEBBLE_PROGRAMS, "haproxy", "etcd");
  Deno.test({ name: `${name} [needs haproxy, etcd, pebble]`, ignore, fn });
}

/** Starts all of it. */
export async function startKontenaStage(options: KontenaKitOptions = {}): Promise<KontenaStage> {
  await using parts = new AsyncDisposableStack();
  const challengePort = freePort();
  const kit = parts.use(await startKontenaKit({ answer: `127.0.0.1:${challengePort}`, ...options }));
  const pebble = parts.use(await startPebble({ httpPort: kit.lb.httpPort, tlsPort: kit.lb.httpsPort }));
  const owned = parts.move();
  return {
    kit,
    pebble,
    challengePort,
    env: {
      ACME_DIRECTORY_URL: pebble.directory.href,
      ACME_CA_FILE: pebble.caFile,
      LOAD_BALANCERS: `infra/lb=${kit.url()}`,
      DNS_RESOLVERS: pebble.dns,
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
