/**
 * What is disturbed: the sidecar as a process that keeps its certificates on two HAProxies, and the CA that it gets them from.
 * A minute passes in a second, for the sidecar and for the CA.
 *
 * @module
 */
import { parseDnsName } from "../../src/model/dns_name.ts";
import { bundleFile, defaultSecretName } from "../../src/model/secret_name.ts";
import { type Certificate, startAuthority, type TestAuthority } from "../../test/ca/mod.ts";
import { startHaproxy, type TestHaproxy } from "../../test/support/haproxy.ts";
import { hastySince } from "../../test/support/hasty_sidecar.ts";
import { freePort, tempDir } from "../../test/support/process.ts";
import {
  type LeftStores,
  openStores,
  ROOT,
  startSidecarProcess,
  type TestSidecar,
} from "../../test/support/sidecar.ts";

/** The names, each with a certificate of its own. */
export const NAMES: readonly string[] = Array.from({ length: 20 }, (_, i) => `n${i}.soak.test`);

/** Names of the two balancers. */
export const BALANCERS = ["one", "two"] as const;
const DRIFTING = `${ROOT}test/support/drifting_sidecar.ts`;
const HOUR = 3_600_000;

/** What a disturbance can reach. */
export interface Scene extends AsyncDisposable {
  readonly haproxies: readonly TestHaproxy[];
  readonly authority: TestAuthority;
  /** Certificates that the CA wants to be replaced, by serial: each of them asks for one renewal. */
  readonly recalled: ReadonlySet<string>;
  /** The CA names a window in which the newest certificate is to be replaced; nothing more where it has done so already. */
  recall(name: string): void;
  /** Kills the sidecar, and starts another one on what it left. */
  restart(): Promise<void>;
  /** Closes the vault at once, or when the next bundle is to be written; or opens it again. */
  seal(how: "all" | "bundle" | "not"): Promise<void>;
  /** Ends the sidecar in order. @returns What it left, or its status where that was not 0. */
  end(): Promise<LeftStores | number>;
  /** All that the sidecars wrote. */
  log(): string;
  /** How often they told of the event. */
  told(event: string): number;
}

/** Starts everything; what becomes of it is up to the caller. */
export async function startScene(seed: string): Promise<Scene> {
  await using parts = new AsyncDisposableStack();
  const haproxies: TestHaproxy[] = [];
  for (const _ of BALANCERS) haproxies.push(parts.use(await startHaproxy()));
  const { path: folder } = parts.use(tempDir());
  const since = Date.now();
  const authority = parts.use(await startCa(seed, since, haproxies[0]!));
  const env = {
    ACME_DIRECTORY_URL: authority.directory.href,
    ACME_AGREE_TOS: "true",
    CERTIFICATES: NAMES.join("; "),
    LOAD_BALANCERS: haproxies.map((it, i) => `${BALANCERS[i]}=${it.url()}`).join(" "),
    HASTY_SINCE: String(since),
  };
  const ports = { apiPort: freePort(), challengePort: freePort() };
  const start = (): Promise<TestSidecar> => startSidecarProcess({ env, folder, program: DRIFTING, ...ports });
  const sidecars = [await start()];
  parts.defer(async () => await sidecars.at(-1)?.[Symbol.asyncDispose]());
  const recalled = new Set<string>();
  const owned = parts.move();
  return {
    haproxies,
    authority,
    recalled,
    recall(name): void {
      const certificate = newestOf(authority).get(name);
      if (certificate === undefined || recalled.has(certificate.serial)) return;
      recalled.add(certificate.serial);
      authority.setRenewalInfo(certificate.serial, windowAround(hastySince(since).now()));
    },
    async restart(): Promise<void> {
      const { process } = sidecars.at(-1)!;
      process.kill("SIGKILL");
      await process.exit;
      sidecars.push(await start());
    },
    seal: async (how) =>
      how === "not"
        ? await Deno.remove(`${folder}/sealed`).catch(() => {}) // it is open
        : await Deno.writeTextFile(`${folder}/sealed`, how),
    async end(): Promise<LeftStores | number> {
      const code = await sidecars.at(-1)!.stop();
      return code === 0 ? await openStores(folder) : code;
    },
    told: (event) => sidecars.flatMap((it) => it.events()).filter((it) => it["event"] === event).length,
    log: () => sidecars.map((it) => it.process.output()).join(""),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The file of a name's certificate. */
export function pathOf({ certs }: TestHaproxy, name: string): string {
  return `${certs}/${bundleFile(defaultSecretName(parseDnsName(name)))}`;
}

/**
 * Names that were proven once are not proven again: a HAProxy that is disturbed would fail its proofs, and it could not be told
 * any more which orders somebody asked for.
 */
function startCa(seed: string, since: number, haproxy: TestHaproxy): Promise<TestAuthority & AsyncDisposable> {
  return startAuthority({
    like: "boulder",
    seed,
    now: () => hastySince(since).now(),
    httpPort: haproxy.httpPort,
    tlsPort: haproxy.httpsPort,
    hooks: {
      endpoint: {
        after(response, { endpoint }): Response {
          if (endpoint !== "renewalInfo") return response;
          const headers = new Headers(response.headers);
          headers.set("retry-after", "120"); // two seconds
          return new Response(response.body, { status: response.status, headers });
        },
      },
    },
  });
}

/** A window whose instant has come, wherever it is drawn, and which does not end while anybody looks (RFC 9773 §4.2). */
function windowAround(now: Date): string {
  const [start, end] = [-24 * HOUR, 12 * HOUR].map((ms) => new Date(now.getTime() + ms).toISOString());
  return JSON.stringify({ suggestedWindow: { start, end } });
}

/** The certificate that the CA issued last, by name: they are listed as they were issued. */
export function newestOf({ certificates }: TestAuthority): ReadonlyMap<string, Certificate> {
  return new Map(certificates.map((it) => [it.names[0] ?? "", it]));
}
