/**
 * Row `swap`: from a bundle to a balancer that is proven to serve it, beside one other certificate and beside a thousand.
 *
 * @module
 */
import type { Bundle, Candidate, LoadBalancer } from "../../mod.ts";
import { systemClock } from "../../plugin/clock.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { replaceFile } from "../../plugin/certs/files.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";
import { bundlePem } from "../../src/model/certificate.ts";
import { CALL } from "../../test/support/fakes.ts";
import { startHaproxy, type TestHaproxy } from "../../test/support/haproxy.ts";
import { testPki } from "../../test/support/pki.ts";
import { tempDir } from "../../test/support/process.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import { inTurns, median, type Side } from "./measure.ts";
import { inMemory, MEMORY } from "./memory.ts";
import { atMost, figures, short, type Table } from "./report.ts";

/** `swap` */
export const swapRow: BenchRow = { title: "Swap: set, file, commit, probe", measure };

const GOAL = 1.3;
const FILE = "LE_CERTIFICATE_www_bench_test.pem";

async function measure({ quick }: BenchOptions): Promise<readonly Table[]> {
  const rounds = quick ? 10 : 60;
  const pki = testPki();
  const next = (): Bundle => pki.issue(["www.bench.test"]);
  await using few = await inMemory(() => startHaproxy());
  await using many = await inMemory(() => startHaproxy({ fillers: 998 })); // with the default and the one swapped: 1,000
  const sides = [few, many].map(balancerOf).map((balancer): Side<number> => ({
    rounds,
    measure: () => swapped(balancer, { file: FILE, bundle: next() }),
  }));
  for (const side of sides) for (let i = 0; i < 3; i++) await side.measure(i); // the first one adds the certificate
  const [atFew = [], atMany = []] = await inTurns(sides);
  const [a, b] = [median(atMany), median(atFew)];
  using disk = tempDir();
  const writes = await inTurns([{ rounds, measure: () => written(`${disk.path}/${FILE}`, bundlePem(next())) }]);
  return [figures([
    { what: "beside the default only, ms", measured: short(b) },
    { what: "1,000 certificates loaded, ms", measured: short(a) },
    { what: "ratio", measured: (a / b).toFixed(2), goal: atMost(a / b, GOAL) },
    { what: "durable write of the file, apart, ms", measured: short(median(writes[0] ?? [])) },
  ], `A certificate that is served is replaced; certificates in memory (${MEMORY}); medians of ${rounds} in turn.`)];
}

function balancerOf(haproxy: TestHaproxy): LoadBalancer {
  return haproxyBalancer(parseHaproxy("lb", haproxy.url()), { clock: systemClock, events: { emit: () => {} } });
}

async function swapped(balancer: LoadBalancer, candidate: Candidate): Promise<number> {
  const begin = performance.now();
  await balancer.swap(candidate, CALL);
  return performance.now() - begin;
}

async function written(path: string, pem: string): Promise<number> {
  const begin = performance.now();
  await replaceFile(path, pem);
  return performance.now() - begin;
}
