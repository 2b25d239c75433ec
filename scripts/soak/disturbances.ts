/**
 * What can happen to two HAProxies, their CA, their sidecar and its vault.
 *
 * @module
 */
import type { Random } from "../../test/ca/random.ts";
import type { TestHaproxy } from "../../test/support/haproxy.ts";
import { pause } from "../bench/measure.ts";
import { NAMES, pathOf, type Scene } from "./drift_scene.ts";

/** One thing that happens, to one of the HAProxies where it is about that. */
export type Disturbance = (scene: Scene & Former, haproxy: TestHaproxy, random: Random) => Promise<unknown>;

/** What was served before, PEM, by name. */
export interface Former {
  readonly former: Map<string, string>;
}

/**
 * What goes wrong at the CA, a few times each. An order or a certificate that fails for good would be followed by another one,
 * and nobody could tell any more which were asked for. Nonsense is not said about renewal: that is asked about again only
 * after six hours (RFC 9773 §4.3.3).
 */
const FAULTS: readonly string[] = [
  "reset-before?times=4",
  "reset-after?times=4",
  "hang?times=1",
  "rate-limited?retry-after=180&times=2",
  "rate-limited@order,finalize,certificate?retry-after=date:120&times=2",
  "rate-limited?form=html&times=2",
  "server-error?times=4",
  "server-error?status=503&retry-after=120&times=3",
  "server-error?status=502&form=html&when=after&times=4",
  "bad-nonce?times=8",
  "bad-nonce?nonce=missing&times=4",
  "no-nonce?times=6",
  "odd-nonce?form=spaces&times=2",
  "slow-body?ms=5&times=3",
  "truncated?times=3",
  "truncated@newOrder,order,finalize,certificate?how=json&times=3",
  "html@newOrder,order,finalize,certificate?times=3",
];

/** What a download can be like, once: an order whose certificate is never whole would be given up, and another one follow. */
const BROKEN: readonly string[] = [
  "chain?form=leaf-only",
  "chain?form=foreign",
  "chain?form=two-leaves",
  "chain?form=unordered",
  "chain?form=cross-signed",
  "chain?form=doubled",
  "chain?form=expired",
  "pem?form=truncated",
  "pem?form=empty",
  "pem?form=garbage",
];

/** All of them; each is as likely as any other. */
export const DISTURBANCES: Readonly<Record<string, Disturbance>> = {
  "a renewal that the CA asks for": recall,
  "a renewal of several": async (scene, haproxy, random) => {
    for (let i = 0; i < 6; i++) await recall(scene, haproxy, random);
  },
  "some faults of the CA": ({ authority }, _, random) => {
    for (const fault of random.shuffled(FAULTS).slice(0, 4)) authority.faults.set(`${fault}&chance=0.5`);
    return Promise.resolve();
  },
  "a wrong chain": ({ authority: { faults } }, _, random) => {
    for (const { id, spec: { fault } } of faults.list()) if (fault === "chain" || fault === "pem") faults.clear(id);
    return Promise.resolve(faults.set(`${pick(BROKEN, random)}&times=1`));
  },
  "a CA that is well again": ({ authority }) => Promise.resolve(authority.faults.clear()),
  "a vault that is sealed for a while": async ({ seal }, _, random) => {
    await seal(random.chance(0.5) ? "all" : "bundle");
    await pause(random.below(3_000));
    await seal("not");
  },
  "a kill of the sidecar": ({ restart }) => restart(),
  "a reload": (_, haproxy) => haproxy.reload(),
  "a kill, and a start with old files": startWithOld,
  "a stop for a while": async (_, haproxy, random) => {
    Deno.kill(haproxy.pid, "SIGSTOP");
    await pause(random.below(3_000));
    Deno.kill(haproxy.pid, "SIGCONT");
  },
  "a file written over": ({ former }, haproxy, random) => {
    const [name, pem] = pick([...former], random);
    return Deno.writeTextFile(pathOf(haproxy, name), pem);
  },
  "a file removed": (_, haproxy, random) => Deno.remove(pathOf(haproxy, pick(NAMES, random))).catch(() => {}), // it is gone already
  "a swap by somebody else": ({ former }, haproxy, random) => swapByHand(haproxy, pick([...former], random)),
  "a transaction left open": async ({ former }, haproxy, random) => {
    const [name, pem] = pick([...former], random);
    await haproxy.ask(`set ssl cert ${pathOf(haproxy, name)} <<\n${pem}`).catch(() => "");
  },
};

/** One HAProxy has the old files and was started on them, the other has the right files and other certificates in its memory. */
export async function disturbAll({ haproxies: [one, two], former }: Scene & Former): Promise<void> {
  await startWithOld({ former }, one!);
  for (const old of former) await swapByHand(two!, old);
}

async function startWithOld({ former }: Former, haproxy: TestHaproxy): Promise<void> {
  await haproxy.kill();
  for (const [name, pem] of former) await Deno.writeTextFile(pathOf(haproxy, name), pem);
  await haproxy.restart();
}

async function swapByHand(haproxy: TestHaproxy, [name, pem]: readonly [string, string]): Promise<void> {
  const path = pathOf(haproxy, name);
  await haproxy.ask(`set ssl cert ${path} <<\n${pem}`).catch(() => ""); // it may be busy, or stopped
  await haproxy.ask(`commit ssl cert ${path}`).catch(() => "");
}

/** What is on disk until then may come back later. */
async function recall(scene: Scene & Former, haproxy: TestHaproxy, random: Random): Promise<void> {
  const name = pick(NAMES, random);
  const pem = await Deno.readTextFile(pathOf(haproxy, name)).catch(() => undefined); // it was removed
  if (pem !== undefined) scene.former.set(name, pem);
  scene.recall(name);
}

function pick<T>(items: readonly T[], random: Random): T {
  const item = items[random.below(items.length)];
  if (item === undefined) throw new RangeError("There is nothing to choose from");
  return item;
}
