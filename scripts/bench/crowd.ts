/**
 * Row `crowd`: ten thousand open connections on one HAProxy while its certificate is swapped again and again.
 *
 * @module
 */
import { systemClock } from "../../plugin/clock.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";
import { bundlePem } from "../../src/model/certificate.ts";
import { CALL } from "../../test/support/fakes.ts";
import { startHaproxy } from "../../test/support/haproxy.ts";
import { testPki } from "../../test/support/pki.ts";
import { freePort } from "../../test/support/process.ts";
import { type OpenConnection, openConnection } from "../demo/open_connection.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import { atMost, figures, type Table } from "./report.ts";

/** `crowd` */
export const crowdRow: BenchRow = { title: "Ten thousand open connections during swaps", measure };

const NAME = "www.bench.test";
const FILE = "LE_CERTIFICATE_www_bench_test.pem";
/** Handshakes, or requests, at the same time. */
const AT_ONCE = 100;
/** Swaps after which each connection is asked once. */
const SWAPS = 20;

async function measure({ quick, say }: BenchOptions): Promise<readonly Table[]> {
  const [guests, rounds] = quick ? [500, 2] : [10_000, 5];
  const pki = testPki();
  const port = freePort();
  await using haproxy = await startHaproxy({
    files: { [FILE]: bundlePem(pki.issue([NAME])) },
    global: [`maxconn ${guests + 1_000}`, "no strict-limits"],
    last: (root) => frontend(root, port),
  });
  const balancer = haproxyBalancer(parseHaproxy("lb", haproxy.url({ probe: `127.0.0.1:${port}` })), {
    clock: systemClock,
    events: { emit: () => {} },
  });
  using open = new DisposableStack();
  const site = { port, roots: [pki.rootPem] };
  const all: OpenConnection[] = [];
  await inBatches(guests, async () => void all.push(open.use(await openConnection(site, NAME))));
  say(`${all.length} connections are open`);
  const [cut, elsewhere] = [new Set<number>(), new Set<number>()];
  for (let round = 1; round <= rounds; round++) {
    for (let i = 0; i < SWAPS; i++) await balancer.swap({ file: FILE, bundle: pki.issue([NAME]) }, CALL);
    await inBatches(guests, async (i) => {
      const pid = await all[i]!.ask().catch(() => undefined);
      if (pid === undefined) cut.add(i);
      else if (pid !== haproxy.pid) elsewhere.add(i);
    });
    say(`round ${round} of ${rounds}: ${cut.size} were cut`);
  }
  return [figures(
    [
      { what: "cut, or not answered", measured: String(cut.size), goal: atMost(cut.size, 0, "none") },
      {
        what: "answered by another process",
        measured: String(elsewhere.size),
        goal: atMost(elsewhere.size, 0, "none"),
      },
    ],
    `${guests} keep-alive connections, ${rounds} × ${SWAPS} swaps, a request on each connection after each ${SWAPS}.`,
  )];
}

/** Without anything in between, which would need three descriptors for each connection in place of one. */
function frontend(root: string, port: number): string {
  return `
frontend crowd
  mode http
  timeout client 15m
  timeout http-keep-alive 15m
  bind 127.0.0.1:${port} ssl crt ${root}/certs/ alpn http/1.1
  http-request return status 200 content-type text/plain lf-string "hello from %pid\\n"
`;
}

async function inBatches(count: number, work: (index: number) => Promise<void>): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => work(from + i)));
  }
}
