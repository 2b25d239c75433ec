/**
 * What the demo plays on: HAProxy, a CA, the sidecar.
 *
 * @module
 */
import { bundlePem } from "../../src/model/certificate.ts";
import type { Call } from "../../src/ports.ts";
import { startHaproxy, type TestHaproxy } from "../../test/support/haproxy.ts";
import { testPki } from "../../test/support/pki.ts";
import { freePort, tempDir } from "../../test/support/process.ts";
import { startSidecarProcess, type TestSidecar } from "../../test/support/sidecar.ts";
import { type CaName, CAS, type DemoCa } from "./ca.ts";
import type { Site } from "./visit.ts";

/** The names that the demo gets a certificate for. */
export const NAMES = ["shop.example.com", "www.example.com"] as const;

/** The load balancer's name for the sidecar. */
export const BALANCER = "infra/lb";

/** Programs that run, on free ports of 127.0.0.1. Disposing ends them and removes all that they wrote. */
export interface Stage extends DemoSidecar {
  readonly haproxy: TestHaproxy;
  readonly ca: DemoCa;
  /** Where visitors go, trusting the old certificate's root and the CA's. */
  readonly site: Site;
  /** The same roots as a file. */
  readonly rootsFile: string;
  /** Serial of the certificate that HAProxy starts with. */
  readonly oldSerial: string;
}

/** A sidecar that runs. Disposing drains it. */
export interface DemoSidecar extends AsyncDisposable {
  readonly sidecar: TestSidecar;
  /** The environment that `bin/kontena` needs. */
  readonly environment: Readonly<Record<string, string>>;
}

const DAY_MS = 86_400_000;

/** Starts everything, one after the other as they depend on each other. */
export async function startStage(caName: CaName, { signal }: Call): Promise<Stage> {
  await using parts = new AsyncDisposableStack();
  const challengePort = freePort();
  const old = oldCertificate();
  const haproxy = parts.use(await startHaproxy({ sidecarPort: challengePort, files: { "bought.pem": old.pem } }));
  signal.throwIfAborted();
  const ca = parts.use(await CAS[caName](haproxy));
  signal.throwIfAborted();
  const { sidecar, environment } = parts.use(await startSidecar(haproxy, ca, challengePort));
  const folder = parts.use(tempDir()).path;
  const roots = [old.rootPem, ca.rootPem];
  const rootsFile = `${folder}/roots.pem`;
  await Deno.writeTextFile(rootsFile, roots.join(""));
  const owned = parts.move();
  return {
    haproxy,
    ca,
    sidecar,
    environment,
    site: { port: haproxy.httpsPort, roots },
    rootsFile,
    oldSerial: old.serial,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Starts a sidecar for HAProxy and the CA, with a vault of its own; at most one answers http-01, on HAProxy's route. */
export async function startSidecar(
  haproxy: TestHaproxy,
  ca: DemoCa,
  challengePort: number = freePort(),
): Promise<DemoSidecar> {
  const env = { ...ca.environment, LOAD_BALANCERS: `${BALANCER}=${haproxy.url()}` };
  const sidecar = await startSidecarProcess({ challengePort, env });
  return {
    sidecar,
    environment: {
      KONTENA_URL: `http://127.0.0.1:${sidecar.apiPort}`,
      KONTENA_TOKEN_FILE: `${sidecar.folder}/data/token`,
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await drained(sidecar);
      await sidecar[Symbol.asyncDispose]();
    },
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

/** Gives the sidecar more time to drain than a test does: the launcher, killed, would leave it behind. */
async function drained({ process }: TestSidecar): Promise<void> {
  process.kill("SIGTERM");
  const { promise, resolve } = Promise.withResolvers<void>();
  const late = setTimeout(resolve, 10_000);
  await Promise.race([process.exit, promise]);
  clearTimeout(late);
}
