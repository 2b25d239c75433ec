/**
 * Row `reload`: a swap that is proven beside a reload of the same HAProxy, with 1 to 10,000 certificates loaded; and as many
 * certificates put into an HAProxy that has none.
 *
 * @module
 */
import { type Bundle, type Candidate, type LoadBalancer, parseDnsName } from "../../mod.ts";
import { systemClock } from "../../plugin/clock.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";
import { bundleFile, defaultSecretName } from "../../src/model/secret_name.ts";
import { CALL } from "../../test/support/fakes.ts";
import { startHaproxy, type TestHaproxy } from "../../test/support/haproxy.ts";
import { testPki } from "../../test/support/pki.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import { median } from "./measure.ts";
import { inMemory } from "./memory.ts";
import { atMost, below, figures, short, type Table } from "./report.ts";

/** `reload` */
export const reloadRow: BenchRow = { title: "Swap beside reload, and many certificates at once", measure };

const NAME = "www.bench.test";

/** What one size gave, in milliseconds. */
interface Size {
  readonly certificates: number;
  readonly swap: number;
  readonly reload: number;
}

async function measure({ quick, say }: BenchOptions): Promise<readonly Table[]> {
  const counts = quick ? [1, 100] : [1, 100, 1_000, 10_000];
  const sizes: Size[] = [];
  for (const count of counts) {
    sizes.push(await sizeOf(count, quick));
    say(`${count} certificates`);
  }
  const many = quick ? 200 : 10_000;
  const seconds = await fill(many);
  const [least, most] = [sizes[0]!, sizes.at(-1)!];
  const growth = most.swap / least.swap;
  return [
    {
      note: "Medians, on one HAProxy for each size; a reload is over when the new process answers.",
      columns: ["certificates", "swap + probe, ms", "reload, ms", "reload / swap"],
      rows: sizes.map((
        it,
      ) => [`${it.certificates}`, short(it.swap), short(it.reload), (it.reload / it.swap).toFixed(0)]),
    },
    figures([
      { what: `swap at ${most.certificates} / at 1`, measured: growth.toFixed(2), goal: atMost(growth, 1.3) },
      {
        what: `reload / swap at ${most.certificates}`,
        measured: (most.reload / most.swap).toFixed(0),
        goal: { text: "at least 1000", met: most.reload / most.swap >= 1_000 },
      },
      {
        what: `${many} certificates into an empty HAProxy, s`,
        measured: short(seconds),
        goal: below(seconds, 60, "under 60"),
      },
    ]),
  ];
}

async function sizeOf(certificates: number, quick: boolean): Promise<Size> {
  const pki = testPki();
  // With the default and the one that is swapped.
  await using haproxy = await inMemory(() => startHaproxy({ fillers: Math.max(0, certificates - 2) }));
  const balancer = balancerOf(haproxy);
  const bundles = Array.from({ length: quick ? 10 : 40 }, () => pki.issue([NAME]));
  await swapped(balancer, pki.issue([NAME])); // the first one adds it
  const swaps: number[] = [];
  for (const bundle of bundles) swaps.push(await swapped(balancer, bundle));
  const reloads: number[] = [];
  for (let i = 0; i < (quick ? 2 : 3); i++) {
    const begin = performance.now();
    await haproxy.reload();
    reloads.push(performance.now() - begin);
  }
  return { certificates, swap: median(swaps), reload: median(reloads) };
}

/** Seconds until all of them are proven. */
async function fill(count: number): Promise<number> {
  const pki = testPki();
  await using haproxy = await inMemory(() => startHaproxy());
  const balancer = balancerOf(haproxy);
  const all = Array.from({ length: count }, (_, i) => candidate(`n${i}.bench.test`, pki.issue([`n${i}.bench.test`])));
  const begin = performance.now();
  for (const it of all) await balancer.swap(it, CALL);
  return (performance.now() - begin) / 1_000;
}

async function swapped(balancer: LoadBalancer, bundle: Bundle): Promise<number> {
  const begin = performance.now();
  await balancer.swap(candidate(NAME, bundle), CALL);
  return performance.now() - begin;
}

function candidate(name: string, bundle: Bundle): Candidate {
  return { file: bundleFile(defaultSecretName(parseDnsName(name))), bundle };
}

function balancerOf(haproxy: TestHaproxy): LoadBalancer {
  return haproxyBalancer(parseHaproxy("lb", haproxy.url()), { clock: systemClock, events: { emit: () => {} } });
}
