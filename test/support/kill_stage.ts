import { startAuthority } from "../ca/mod.ts";
import { startHaproxy } from "./haproxy.ts";
import { freePort, tempDir } from "./process.ts";
import { madeBy, type Stage, startStage } from "./stage.ts";

/** CA, balancer and what a sidecar has to know of them; the CA is asked what it made. */
export interface KillStage extends Omit<Stage, "pebble"> {
  /** How many orders and certificates the CA has made. */
  made(): Promise<Awaited<ReturnType<typeof madeBy>>>;
}

/** What a CA shall be like. */
export interface KillStageOptions {
  readonly ca: "pebble" | "test authority";
  /** So many of a hundred nonces does it refuse; 0 unless told. */
  readonly nonceReject?: number;
  /** Of the test authority's chance. */
  readonly seed?: string;
}

/** Starts both. */
export function startKillStage(options: KillStageOptions): Promise<KillStage> {
  return options.ca === "pebble" ? withPebble(options) : withTestAuthority(options);
}

async function withPebble({ nonceReject = 0 }: KillStageOptions): Promise<KillStage> {
  const stage = await startStage({ pebble: { nonceReject } });
  return { ...stage, made: () => madeBy(stage.pebble) };
}

async function withTestAuthority({ nonceReject = 0, seed = "1" }: KillStageOptions): Promise<KillStage> {
  await using parts = new AsyncDisposableStack();
  const challengePort = freePort();
  const haproxy = parts.use(await startHaproxy({ sidecarPort: challengePort }));
  const { httpPort, httpsPort: tlsPort } = haproxy;
  const authority = parts.use(
    await startAuthority({ like: "boulder", nonceReject: nonceReject / 100, seed, tls: true, httpPort, tlsPort }),
  );
  const caFile = `${parts.use(tempDir()).path}/ca.pem`;
  await Deno.writeTextFile(caFile, authority.tlsRootPem ?? "");
  const owned = parts.move();
  return {
    haproxy,
    challengePort,
    env: {
      ACME_DIRECTORY_URL: authority.directory.href,
      ACME_CA_FILE: caFile,
      LOAD_BALANCERS: `infra/lb=${haproxy.url()}`,
    },
    made: () => Promise.resolve({ orders: authority.counters.orders, certificates: authority.certificates.length }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
