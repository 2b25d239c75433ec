/**
 * The flow as a library on a real CA: stores in memory, requests counted in the injected fetch.
 *
 * @module
 */
import {
  acmeAuthority,
  type Certificates,
  certificates,
  http01Solver,
  type LoadBalancer,
  memoryLedger,
  memoryVault,
  presentedAnswers,
  publishedAnswers,
  type Records,
  recordsOf,
} from "../../mod.ts";
import { systemClock } from "../../plugin/clock.ts";
import { challengeApp } from "../../plugin/http/challenge_app.ts";
import { CALL } from "./fakes.ts";
import type { Pebble } from "./pebble.ts";

/** What a test can decide. */
export interface LibraryOptions {
  /** The CA's directory, where it is not reached directly. */
  readonly directory?: URL;
  /** Where http-01 answers are given; the CA's own port for them, unless a balancer stands in between. */
  readonly answerPort?: number;
  readonly balancers?: ReadonlyMap<string, LoadBalancer>;
}

/** The flow, registered with the CA. */
export interface Library extends AsyncDisposable {
  readonly service: Certificates;
  readonly records: Records;
  /** For example `POST my-order 200 ready`, in the order of the answers. Emptied by the test. */
  readonly requests: string[];
}

/** Puts the flow together and registers. */
export async function openLibrary(pebble: Pebble, options: LibraryOptions = {}): Promise<Library> {
  const { directory = pebble.directory, answerPort = pebble.httpPort, balancers = new Map() } = options;
  const requests: string[] = [];
  const counting = (async (input: string | URL, init?: RequestInit) => {
    const response = await pebble.fetch(input, init);
    const line = `${init?.method} ${new URL(input).pathname.split("/")[1]} ${response.status}`;
    const { status = "" } = await response.clone().json().catch(() => ({}));
    requests.push(`${line} ${status}`.trim());
    return response;
  }) as typeof fetch;
  const ledger = memoryLedger(systemClock);
  const published = publishedAnswers(ledger);
  const records = recordsOf(ledger);
  const parts = {
    authority: acmeAuthority({
      directory,
      fetch: counting,
      clock: systemClock,
      userAgent: "kontena-certificates-test/1",
    }),
    vault: memoryVault(systemClock),
    records,
    solvers: new Map([["http-01" as const, http01Solver({ answers: published, balancers, clock: systemClock })]]),
    balancers,
    clock: systemClock,
    events: { emit: (): void => {} },
    settings: { keyTypes: ["ec-256"] as const, challenges: ["http-01" as const], agreeTos: true },
  };
  const listen = { hostname: "127.0.0.1", port: answerPort, onListen: (): void => {} };
  const server = Deno.serve(listen, challengeApp(published).fetch);
  const lifetime = new AbortController();
  const service = certificates(parts, presentedAnswers(parts), lifetime.signal);
  await service.register({ agreeTos: true }, CALL);
  return {
    service,
    records,
    requests,
    async [Symbol.asyncDispose](): Promise<void> {
      lifetime.abort(new Error("the test is over"));
      await service.landed();
      await server.shutdown();
    },
  };
}
