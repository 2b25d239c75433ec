/**
 * The real programs that the demo plays on: HAProxy, Pebble, the sidecar.
 *
 * @module
 */
import { bundlePem } from "../../src/model/certificate.ts";
import type { Call } from "../../src/ports.ts";
import { startHaproxy, type TestHaproxy } from "../../test/support/haproxy.ts";
import { type Pebble, startPebble } from "../../test/support/pebble.ts";
import { testPki } from "../../test/support/pki.ts";
import { freePort, tempDir } from "../../test/support/process.ts";
import { startSidecarProcess, type TestSidecar } from "../../test/support/sidecar.ts";
import type { Site } from "./visit.ts";

/** The names that the demo gets a certificate for. */
export const NAMES = ["shop.example.com", "www.example.com"] as const;

/** Percentage of good nonces that the CA refuses. */
export const NONCE_REJECT = 20;

/** The load balancer's name for the sidecar. */
export const BALANCER = "infra/lb";

/** Programs that run, on free ports of 127.0.0.1. Disposing ends them and removes all that they wrote. */
export interface Stage extends AsyncDisposable {
  readonly haproxy: TestHaproxy;
  readonly pebble: Pebble;
  readonly sidecar: TestSidecar;
  /** Where visitors go, trusting the old certificate's root and Pebble's. */
  readonly site: Site;
  /** The same roots as a file. */
  readonly rootsFile: string;
  /** Serial of the certificate that HAProxy starts with. */
  readonly oldSerial: string;
  /** The environment that `bin/kontena` needs. */
  readonly environment: Readonly<Record<string, string>>;
}

const DAY_MS = 86_400_000;
const NINETY_DAYS_S = 90 * 86_400;

/** Starts everything, one after the other as they depend on each other. */
export async function startStage({ signal }: Call): Promise<Stage> {
  await using parts = new AsyncDisposableStack();
  const challengePort = freePort();
  const old = oldCertificate();
  const haproxy = parts.use(await startHaproxy({ sidecarPort: challengePort, files: { "bought.pem": old.pem } }));
  signal.throwIfAborted();
  const pebble = parts.use(
    await startPebble({
      httpPort: haproxy.httpPort,
      tlsPort: haproxy.httpsPort,
      nonceReject: NONCE_REJECT,
      validity: NINETY_DAYS_S,
    }),
  );
  signal.throwIfAborted();
  const sidecar = parts.use(await startSidecar(haproxy, pebble, challengePort));
  parts.defer(() => drained(sidecar));
  const folder = parts.use(tempDir()).path;
  const roots = [old.rootPem, await pebble.rootPem()];
  const rootsFile = `${folder}/roots.pem`;
  await Deno.writeTextFile(rootsFile, roots.join(""));
  const owned = parts.move();
  return {
    haproxy,
    pebble,
    sidecar,
    site: { port: haproxy.httpsPort, roots },
    rootsFile,
    oldSerial: old.serial,
    environment: {
      KONTENA_URL: `http://127.0.0.1:${sidecar.apiPort}`,
      KONTENA_TOKEN_FILE: `${sidecar.folder}/data/token`,
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A wildcard for the names as a shop sells them, three days before its end. */
function oldCertificate(): { readonly pem: string; readonly rootPem: string; readonly serial: string } {
  const pki = testPki();
  const now = Date.now();
  const serial = "01d0";
  const notBefore = new Date(now - 362 * DAY_MS);
  const notAfter = new Date(now + 3 * DAY_MS);
  return {
    pem: bundlePem(pki.issue(["*.example.com"], { serial, notBefore, notAfter })),
    rootPem: pki.rootPem,
    serial,
  };
}

function startSidecar(haproxy: TestHaproxy, pebble: Pebble, challengePort: number): Promise<TestSidecar> {
  return startSidecarProcess({
    challengePort,
    env: {
      ACME_DIRECTORY_URL: pebble.directory.href,
      ACME_CA_FILE: pebble.caFile,
      LOAD_BALANCERS: `${BALANCER}=${haproxy.url()}`,
      DNS_RESOLVERS: pebble.dns,
    },
  });
}

/** Gives the sidecar more time to drain than a test does: the launcher, killed, would leave it behind. */
async function drained({ process }: TestSidecar): Promise<void> {
  process.kill("SIGTERM");
  const { promise, resolve } = Promise.withResolvers<void>();
  const late = setTimeout(resolve, 10_000);
  await Promise.race([process.exit, promise]);
  clearTimeout(late);
}
