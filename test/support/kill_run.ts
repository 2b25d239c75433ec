/**
 * One sidecar after the other is killed at a write of its vault or ledger while it gets a certificate; the ordinary sidecar is
 * started on what was left, and has to finish it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type DnsName, parseDnsName } from "../../src/model/dns_name.ts";
import type { OrderRecord } from "../../src/model/records.ts";
import { defaultSecretName, orderKeyName } from "../../src/model/secret_name.ts";
import { given } from "../../src/model/shape.ts";
import { CALL } from "./fakes.ts";
import { checkKey, checkNothingAnswered, checkNothingLeft, checkSecrets, checkServed } from "./kill_checks.ts";
import { tempDir, until } from "./process.ts";
import { dumpOf, launchSidecar, MAIN, openStores, ROOT, startSidecarProcess } from "./sidecar.ts";
import { type KillStage, type KillStageOptions, startKillStage } from "./kill_stage.ts";

/** Where the processes are killed, and how the name is proven. */
export interface KillPlan extends KillStageOptions {
  /** Before or after the write; `stop`: it is not killed, SIGTERM comes at the write. */
  readonly moment: "before" | "after" | "stop";
  readonly challenge: "tls-alpn-01" | "http-01";
  /** The first write at which one is killed, from 1. */
  readonly first?: number;
  /** So many writes later is the next. */
  readonly every?: number;
  /** So many milliseconds after that write does death come; with it only `after`. */
  readonly delayMs?: (at: number) => number;
}

/** What must never be. */
export const DAMAGES = ["order lost", "key lost", "issued twice", "half pair", "not served", "left over"] as const;

/** One of {@linkcode DAMAGES}. */
export type Damage = typeof DAMAGES[number];

/** What came of one death. */
export interface KillRow {
  /** The write, without what differs from run to run, for example `put orders 2`. */
  readonly step: string;
  /** The CA asked for the answer while nobody was there to give it: that order is lost, and another one has to follow. */
  readonly missed: boolean;
  /** What was wrong after the restart, and how it was seen. */
  readonly damage: ReadonlyMap<Damage, unknown>;
}

/** What a shell says of a process that the system killed, and of one that ended in order. */
const ENDS = { before: 128 + 9, after: 128 + 9, stop: 0 } as const;
/** So long may it take to end in order: a container's runtime gives it ten seconds before it kills. */
const GRACE_MS = 10_000;

const CRASHING = `${ROOT}test/support/crashing_sidecar.ts`;

/** Kills one sidecar after the other, some writes later each, until one gets to the end. */
export async function killAtWrites(plan: KillPlan): Promise<readonly KillRow[]> {
  await using stage = await startKillStage(plan);
  const rows: KillRow[] = [];
  for (let at = plan.first ?? 1;; at += plan.every ?? 1) {
    const name = parseDnsName(`n${at}.example.com`);
    using folder = tempDir();
    const run: Run = { stage, plan, at, name, folder: folder.path, made: await stage.made() };
    const death = await runUntilKilled(run);
    if (death === undefined) return rows;
    rows.push({ step: death.step, ...await finish(run, death) });
  }
}

interface Run {
  readonly stage: KillStage;
  readonly plan: KillPlan;
  readonly at: number;
  readonly name: DnsName;
  readonly folder: string;
  /** By the CA, before it began. */
  readonly made: Awaited<ReturnType<KillStage["made"]>>;
}

/** What a sidecar had written down when it died. */
interface Death {
  readonly step: string;
  readonly order?: OrderRecord;
  /** The certificate's private key, PEM. */
  readonly sealedKey?: string;
  /** Why the three secrets do not belong together, if they do not. */
  readonly halfPair?: unknown;
  /** What it should have taken down before it ended in order. */
  readonly leftOver?: unknown;
}

function environment({ stage, plan, name }: Run): Record<string, string> {
  return { ...stage.env, ACME_AGREE_TOS: "true", CERTIFICATES: name, CHALLENGE: plan.challenge };
}

/** @returns What it left, or undefined if it got to the end: the last write notes how the attempt went. */
async function runUntilKilled(run: Run): Promise<Death | undefined> {
  const { stage, plan, at, folder } = run;
  const crash = {
    CRASH: plan.moment,
    CRASH_AT: String(at),
    CRASH_DELAY_MS: String(plan.delayMs?.(at) ?? 0),
  };
  await using sidecar = launchSidecar({
    challengePort: stage.challengePort,
    env: { ...environment(run), ...crash },
    folder,
    program: CRASHING,
  });
  let code: number | undefined;
  sidecar.exit.then((it) => code = it);
  const isAt = (write: number): boolean => plan.moment === "stop" && sidecar.output().includes(`write ${write}: `);
  const atTheEnd = (): boolean => Number(/^write (\d+): put attempts/m.exec(sidecar.output())?.[1] ?? at) < at;
  await until(`the sidecar dies at write ${at}`, () => code !== undefined || isAt(at) || atTheEnd());
  if (plan.moment === "stop" && isAt(at)) await until("it ends in order", () => code !== undefined, GRACE_MS);
  if (code === undefined) return undefined;
  assertEquals(code, ENDS[plan.moment], sidecar.output());
  return await leftBy(run, sidecar.output());
}

async function leftBy({ stage, plan, at, name, folder }: Run, output: string): Promise<Death> {
  await using left = await openStores(folder);
  const [order] = (await left.records.orders.list(CALL)).map((it) => it.value);
  const sealed = order === undefined ? undefined : await left.vault.read(orderKeyName(order.id), CALL);
  const halfPair = await checkSecrets(left, name, "perhaps").then(() => undefined, (error: unknown) => error);
  const leftOver = plan.moment !== "stop"
    ? undefined
    : await checkNothingAnswered(stage, left).then(() => undefined, (error: unknown) => error);
  return {
    step: stepOf(output, at),
    ...given("order", order),
    ...given("sealedKey", sealed?.value),
    ...given("halfPair", halfPair),
    ...given("leftOver", leftOver),
  };
}

/** Names a write by what was written and how often that was, without identifiers: `put orders 2`. */
function stepOf(output: string, at: number): string {
  const writes = [...output.matchAll(/^write \d+: (.+)$/gm)].map(([, what = ""]) =>
    what.replace(/(?<= .+)([/. ]|_n\d).*/, "")
  );
  const what = writes[at - 1] ?? "?";
  return `${what} ${writes.slice(0, at).filter((it) => it === what).length}`;
}

/** Starts the ordinary sidecar on what was left, waits until it has finished, and looks what there is then. */
async function finish(run: Run, death: Death): Promise<Omit<KillRow, "step">> {
  const { stage, name, folder, made } = run;
  const damage = new Map<Damage, unknown>();
  let missed = false;
  const look = async (kind: Damage, check: () => void | Promise<void>): Promise<void> => {
    try {
      await check();
    } catch (error) {
      damage.set(kind, error);
    }
  };
  if (death.halfPair !== undefined) damage.set("half pair", death.halfPair);
  if (death.leftOver !== undefined) damage.set("left over", death.leftOver);
  await look("not served", async () => void (missed = await restart(run)));
  const now = await stage.made();
  await look("issued twice", () => assertEquals(now.certificates - made.certificates, 1, "certificates"));
  await using left = await openStores(folder);
  const record = (await left.records.certificates.get(defaultSecretName(name), CALL))?.value;
  await look("not served", () => checkServed(stage, record));
  await look("half pair", () => checkSecrets(left, name));
  await look("key lost", () => checkKey(left, name, death.sealedKey));
  await look("order lost", () => {
    // What was asked for and not yet answered at death may be an order that the CA made and nobody knows of.
    if (missed) return;
    if (run.plan.delayMs === undefined) assertEquals(now.orders - made.orders, 1, "orders");
    if (death.order === undefined || death.order.step === "intended") return;
    assertEquals(record?.origin === "ca" ? record.order : undefined, death.order.url);
  });
  await look("left over", () => checkNothingLeft(stage, left));
  return { missed, damage };
}

/** @returns Whether the CA had asked for the answer while nobody was there. */
async function restart(run: Run): Promise<boolean> {
  const { stage: { challengePort }, folder, plan } = run;
  await using sidecar = await startSidecarProcess({ challengePort, env: environment(run), folder, program: MAIN });
  await until("the restart finishes", () => isFinished(folder), FIRST_BACKOFF_MS);
  assertEquals((await sidecar.ask("/health")).status, 200);
  assertEquals((await sidecar.ask("/ready")).text, '{"ready":true,"missing":[]}');
  const errors = sidecar.events().filter((it) => it["level"] === "error");
  sidecar.process.kill("SIGKILL");
  const mayMiss = plan.moment === "stop" || (plan.challenge === "http-01" && plan.delayMs !== undefined);
  const missed = mayMiss && errors.length === 1 && errors[0]?.["code"] === "CHALLENGE_FAILED";
  if (!missed) assertEquals(errors, []);
  return missed;
}

/** After the first failure another order follows in a minute, when the keeper looks. */
const FIRST_BACKOFF_MS = 120_000;

/** Nothing is on its way any more, and the balancer serves what the vault has. */
function isFinished(folder: string): boolean {
  const dump = dumpOf(folder);
  return !dump.includes('"orders/') && !dump.includes(".order-key.") && dump.includes('"deployments/');
}
