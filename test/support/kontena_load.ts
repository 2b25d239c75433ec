/**
 * Swaps on a Kontena Load Balancer while visitors keep coming.
 *
 * @module
 */
import { NO_REQUESTS, type Tally, withAnswer, withFailure } from "../../scripts/demo/tally.ts";
import { visit } from "../../scripts/demo/visit.ts";
import { describe } from "../../src/model/errors.ts";
import { CALL } from "./fakes.ts";
import { type KontenaKit, ROOT_KEY } from "./kontena_kit.ts";
import { testPki } from "./pki.ts";
import { until } from "./process.ts";

/** How much of it. */
export interface LoadOptions {
  readonly swaps: number;
  /** New connections at least, each with a full handshake, spread over the time of the swaps. */
  readonly requests: number;
}

/** What became of it. */
export interface LoadReport {
  readonly tally: Tally;
  /** Milliseconds from the bundle to the proof, a swap each. */
  readonly swapMs: readonly number[];
  /** Requests that were begun while a swap was under way. */
  readonly during: number;
}

const NAME = "www.load.example.com";
const FILE = "LE_CERTIFICATE_www_load_example_com.pem";
/** Enough to keep two cores busy beside the swaps. */
const VISITORS = 6;

/** Swaps one certificate after the other, with a site behind the LB that each visitor asks once. */
export async function swapsUnderLoad(kit: KontenaKit, { swaps, requests }: LoadOptions): Promise<LoadReport> {
  const pki = testPki();
  const swap = async (): Promise<number> => {
    const begin = performance.now();
    await kit.balancer.swap({ file: FILE, bundle: pki.issue([NAME]) }, CALL);
    return performance.now() - begin;
  };
  const site = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("hello from 1\n"));
  await using _site = { [Symbol.asyncDispose]: () => site.shutdown() };
  await kit.etcd.put(`${ROOT_KEY}/services/site/upstreams/one`, `127.0.0.1:${site.addr.port}`);
  await kit.etcd.put(`${ROOT_KEY}/services/site/virtual_hosts`, NAME);
  await swap();
  const target = { port: kit.lb.httpsPort, roots: [pki.rootPem] };
  await until("the site", async () => await visit(target, NAME));

  let [tally, begun, during] = [NO_REQUESTS, 0, 0];
  const swapMs: number[] = [];
  const visitor = async (): Promise<void> => {
    while (begun < requests || swapMs.length < swaps) {
      begun++;
      if (swapMs.length < swaps) during++;
      try {
        const found = await visit(target, NAME);
        tally = withAnswer(tally, found);
      } catch (error) {
        tally = withFailure(tally, describe(error));
      }
    }
  };
  const swapping = async (): Promise<void> => {
    for (let i = 0; i < swaps; i++) swapMs.push(await swap());
  };
  await Promise.all([swapping(), ...Array.from({ length: VISITORS }, visitor)]);
  return { tally, swapMs, during };
}
