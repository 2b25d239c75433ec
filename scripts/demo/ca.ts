/**
 * The CAs that the demo can be played with, behind one face.
 *
 * @module
 */
import { startAuthority } from "../../test/ca/mod.ts";
import type { TestHaproxy } from "../../test/support/haproxy.ts";
import { startPebble } from "../../test/support/pebble.ts";
import { tempDir } from "../../test/support/process.ts";

/** Percentage of good nonces that the CA refuses. */
const NONCE_REJECT = 20;

/** The first profile of the test authority has the same. */
const NINETY_DAYS_S = 90 * 86_400;

const SEED = "demo";

/** A CA that runs, and finds every name at the HAProxy that it was started for. */
export interface DemoCa extends AsyncDisposable {
  readonly name: CaName;
  readonly title: string;
  readonly directory: URL;
  /** How hard it makes things. */
  readonly habits: string;
  /** How it comes to find the names. */
  readonly lookup: string;
  /** Root of what it issues, PEM. */
  readonly rootPem: string;
  /** What the environment of a sidecar has to say of it. */
  readonly environment: Readonly<Record<string, string>>;
}

/** How each of them is started. */
export const CAS = { pebble, test } as const satisfies Record<string, (haproxy: TestHaproxy) => Promise<DemoCa>>;

/** As `--ca` names it. */
export type CaName = keyof typeof CAS;

async function pebble({ httpPort, httpsPort: tlsPort }: TestHaproxy): Promise<DemoCa> {
  await using parts = new AsyncDisposableStack();
  const ca = parts.use(
    await startPebble({ httpPort, tlsPort, nonceReject: NONCE_REJECT, validity: NINETY_DAYS_S }),
  );
  const rootPem = await ca.rootPem();
  const owned = parts.move();
  return {
    name: "pebble",
    title: "Pebble, an ACME CA",
    directory: ca.directory,
    habits: `strict, refuses ${NONCE_REJECT} % of good nonces`,
    lookup: "Pebble has a DNS of its own that leads every name to this HAProxy.",
    rootPem,
    environment: { ACME_DIRECTORY_URL: ca.directory.href, ACME_CA_FILE: ca.caFile, DNS_RESOLVERS: ca.dns },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** With the habits that Pebble has above: the same is asked of the sidecar, whichever of them plays. */
async function test({ httpPort, httpsPort: tlsPort }: TestHaproxy): Promise<DemoCa> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(tempDir()).path;
  const { directory, rootPem, tlsRootPem = "" } = parts.use(
    await startAuthority({
      like: "pebble",
      authzReuse: 0,
      noProfile: "first",
      nonceReject: NONCE_REJECT / 100,
      seed: SEED,
      tls: true,
      httpPort,
      tlsPort,
    }),
  );
  await Deno.writeTextFile(`${folder}/ca.pem`, tlsRootPem);
  const owned = parts.move();
  return {
    name: "test",
    title: "the test authority",
    directory,
    habits: `an ACME CA, strict, refuses ${NONCE_REJECT} % of good nonces`,
    lookup: "The test authority finds every name at 127.0.0.1: at this HAProxy.",
    rootPem,
    environment: { ACME_DIRECTORY_URL: directory.href, ACME_CA_FILE: `${folder}/ca.pem` },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
