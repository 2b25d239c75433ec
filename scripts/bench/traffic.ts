/**
 * Row `traffic`: what visitors notice of swaps and of reloads, in windows that take turns on one HAProxy.
 *
 * @module
 */
import type { LoadBalancer } from "../../mod.ts";
import { systemClock } from "../../plugin/clock.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";
import { bundlePem } from "../../src/model/certificate.ts";
import { CALL } from "../../test/support/fakes.ts";
import { startHaproxy, type TestHaproxy } from "../../test/support/haproxy.ts";
import { testPki } from "../../test/support/pki.ts";
import { tempDir } from "../../test/support/process.ts";
import { echoServer } from "../../test/support/web_socket_guest.ts";
import { ROOT } from "../command.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import { median, pause, quantile } from "./measure.ts";
import { atMost, figures, short, type Table } from "./report.ts";
import { KINDS, lines, type Window } from "./visitors.ts";

/** `traffic` */
export const trafficRow: BenchRow = { title: "Visitors during swaps, reloads and neither", measure };

const NAME = "www.bench.test";
const FILE = "LE_CERTIFICATE_www_bench_test.pem";
/** Between two swaps, so that a window of a hundred meets enough visitors. */
const SPACE_MS = 25;
const QUIET_MS = 4_000;

type Manner = "swaps" | "reloads" | "quiet";

async function measure({ quick, say }: BenchOptions): Promise<readonly Table[]> {
  const [alternations, changes] = quick ? [2, 10] : [10, 100];
  const pki = testPki();
  await using site = echoServer();
  const files = { [FILE]: bundlePem(pki.issue([NAME])) };
  await using haproxy = await startHaproxy({ files, webSocketPort: site.port });
  const balancer = haproxyBalancer(parseHaproxy("lb", haproxy.url()), {
    clock: systemClock,
    events: { emit: () => {} },
  });
  await using visitors = await startVisitors(haproxy, pki.rootPem);
  const windows: Record<Manner, Window[]> = { swaps: [], reloads: [], quiet: [] };
  const play: Record<Manner, () => Promise<void>> = {
    quiet: () => pause(QUIET_MS),
    swaps: () => swaps(balancer, pki, changes),
    async reloads(): Promise<void> {
      for (let i = 0; i < changes; i++) await haproxy.reload();
    },
  };
  await pause(2_000);
  for (let round = 1; round <= alternations; round++) {
    for (const manner of ["quiet", "swaps", "quiet", "reloads"] as const) {
      await visitors.next(); // what went before is not counted
      await play[manner]();
      windows[manner].push(await visitors.next());
    }
    say(`alternation ${round} of ${alternations}`);
    await pause(6_000); // until the last of the old processes is gone (hard-stop-after)
  }
  return [damage(windows, changes), latency(windows, alternations)];
}

function damage(windows: Readonly<Record<Manner, readonly Window[]>>, changes: number): Table {
  const sum = (manner: Manner, field: "failed" | "severed"): number =>
    windows[manner].flatMap((window) => KINDS.map((kind) => window[kind][field])).reduce((a, b) => a + b, 0);
  const made = (manner: Manner): number =>
    windows[manner].flatMap((window) => KINDS.map((kind) => window[kind].ms.length)).reduce((a, b) => a + b, 0);
  const line = (manner: Manner): string =>
    `${sum(manner, "failed")} of ${made(manner)} failed, ${sum(manner, "severed")} severed`;
  return figures([
    {
      what: `during ${windows.swaps.length} × ${changes} swaps`,
      measured: line("swaps"),
      goal: atMost(sum("swaps", "failed") + sum("swaps", "severed"), 0, "none"),
    },
    { what: `during ${windows.reloads.length} × ${changes} reloads`, measured: line("reloads") },
    { what: "during neither", measured: line("quiet") },
  ], `Requests that failed and connections that were cut: ${KINDS.join(", ")}.`);
}

function latency(windows: Readonly<Record<Manner, readonly Window[]>>, alternations: number): Table {
  const of = (manner: Manner): readonly number[] =>
    windows[manner].map((window) => quantile(window["new connections"].ms, 0.99));
  const [swaps, reloads, quiet] = [median(of("swaps")), median(of("reloads")), median(of("quiet"))];
  const spread = (manner: Manner): string => `${short(Math.min(...of(manner)))} to ${short(Math.max(...of(manner)))}`;
  return figures([
    { what: "swaps, ms", measured: `${short(swaps)} (${spread("swaps")})` },
    { what: "reloads, ms", measured: `${short(reloads)} (${spread("reloads")})` },
    { what: "neither, ms", measured: `${short(quiet)} (${spread("quiet")})` },
    { what: "swaps / reloads", measured: (swaps / reloads).toFixed(2), goal: atMost(swaps / reloads, 1) },
    { what: "swaps / neither", measured: (swaps / quiet).toFixed(2), goal: atMost(swaps / quiet, 2) },
  ], `p99 of new connections, the median of ${alternations} alternations, and its spread.`);
}

async function swaps(balancer: LoadBalancer, pki: ReturnType<typeof testPki>, count: number): Promise<void> {
  const bundles = Array.from({ length: count }, () => pki.issue([NAME]));
  for (const bundle of bundles) {
    await balancer.swap({ file: FILE, bundle }, CALL);
    await pause(SPACE_MS);
  }
}

interface Visitors extends AsyncDisposable {
  /** Ends the window. */
  next(): Promise<Window>;
}

async function startVisitors(haproxy: TestHaproxy, rootPem: string): Promise<Visitors> {
  const folder = tempDir();
  await Deno.writeTextFile(`${folder.path}/root.pem`, rootPem);
  const program = `${ROOT}/scripts/bench/visitors.ts`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", program, String(haproxy.httpsPort), NAME, `${folder.path}/root.pem`],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const input = child.stdin.getWriter();
  const output = lines(child.stdout);
  const write = (line: string): Promise<void> => input.write(new TextEncoder().encode(`${line}\n`));
  return {
    async next(): Promise<Window> {
      await write("next");
      const { value } = await output.next();
      return JSON.parse(String(value)) as Window;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await write("end");
      await child.status;
      await input.close().catch(() => {}); // it has ended
      folder[Symbol.dispose]();
    },
  };
}
