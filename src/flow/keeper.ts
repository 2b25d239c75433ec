import { attemptWait } from "../model/backoff.ts";
import { CHALLENGES } from "../model/challenge_type.ts";
import type { DnsName } from "../model/dns_name.ts";
import { describe, OrderParkedError, SidecarError } from "../model/errors.ts";
import { plan } from "../model/plan.ts";
import type { AttemptRecord, Intent } from "../model/records.ts";
import { certificateSecrets, type SecretName } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import type { Call } from "../ports.ts";
import { accountWatch } from "./account_watch.ts";
import type { Answers } from "./answers.ts";
import type { Certificates } from "./certificates.ts";
import { type ExpiryWatch, expiryWatch } from "./expiry_watch.ts";
import { sweepOrders } from "./orders.ts";
import type { FlowParts } from "./parts.ts";
import { repairSecrets } from "./repair.ts";
import type { HeldCertificate } from "./service.ts";

/** How often the keeper looks at everything; what is due sooner waits at most that long. */
const LOOK_MS = 30_000;

/** Keeps every certificate as it shall be. */
export interface Keeper {
  /** Works until the signal aborts, and resolves when the last work has ended. */
  run(call: Call): Promise<void>;
  /** One look at everything; resolves when what it began has ended. What is under way already is left alone. */
  look(call: Call): Promise<void>;
}

/**
 * Makes the keeper: it goes on with what a restart interrupted, brings about what is declared, renews what is due, swaps in
 * what a balancer refused. One certificate's failure or slowness does not hold up another.
 *
 * @param declared The certificates of `CERTIFICATES`.
 */
export function keeper(
  parts: FlowParts,
  service: Certificates,
  answers: Answers,
  declared: readonly Intent[],
): Keeper {
  const busy = new Set<SecretName>();
  const watch = expiryWatch(parts);
  const account = accountWatch(parts);

  const look = async (call: Call): Promise<void> => {
    const closed = await account.look(call);
    if (parts.settings.agreeTos && !closed) {
      await quietly(parts, "account.failed", () => service.openAccount(call), call);
    }
    await quietly(parts, "keeper.tidy", () => Promise.all([answers.tidy(call), sweepOrders(parts, call)]), call);
    const works = await worksToDo(parts, service, declared, watch, call);
    await Promise.all(
      works.filter((work) => !busy.has(work.intent.secretName)).map(async (work) => {
        busy.add(work.intent.secretName);
        await attempt(parts, work, call).finally(() => busy.delete(work.intent.secretName));
      }),
    );
  };

  return {
    look,
    async run(call: Call): Promise<void> {
      await quietly(parts, "keeper.restore", () => answers.restore(call), call);
      await quietly(parts, "keeper.repair", () => repairSecrets(parts, call), call);
      const underWay = new Set<Promise<void>>([
        quietly(parts, "keeper.deploy", () => deployAll(parts, service, call), call),
      ]);
      while (!call.signal.aborted) {
        const round = quietly(parts, "keeper.look", () => look(call), call);
        underWay.add(round);
        round.finally(() => underWay.delete(round));
        const jitter = 0.9 + 0.2 * parts.clock.random();
        await parts.clock.sleep(LOOK_MS * jitter, call).catch(() => {}); // aborted: the loop ends
      }
      await Promise.all(underWay);
    },
  };
}

/** Something to do about one certificate. */
interface Work {
  readonly intent: Intent;
  readonly why: string;
  readonly act: (call: Call) => Promise<HeldCertificate>;
}

/** Orders to go on with, then what the plan says, then swaps that were refused; nothing before its backoff is over. */
async function worksToDo(
  parts: FlowParts,
  service: Certificates,
  declared: readonly Intent[],
  watch: ExpiryWatch,
  call: Call,
): Promise<readonly Work[]> {
  const { records, clock } = parts;
  const now = clock.now();
  const attempts = new Map(
    (await records.attempts.list(call)).map((entry) => [entry.id as SecretName, entry.value]),
  );
  const rests = (intent: Intent): boolean => (attempts.get(intent.secretName)?.nextAt ?? now) > now;

  const interrupted: Work[] = (await service.interrupted(call))
    .filter((record) => !rests(record.intent))
    .map((record) => ({ intent: record.intent, why: "interrupted", act: (call) => service.resume(record, call) }));
  const orders = new Set(interrupted.map((work) => work.intent.secretName));

  const known = (await records.authorizations.list(call)).map((entry) => entry.value);
  const provable = new Set(known.filter((it) => CHALLENGES[it.type].automatic).map((it) => it.name));
  const held = await inVault(parts, await service.certificates(call), call);
  const planned = plan({
    declared,
    held: held.map((it) => it.record),
    provable: (name: DnsName) => provable.has(name),
    attempts,
    now,
  });
  watch.look(planned, held.map((it) => it.record));
  const due: Work[] = planned.flatMap((it) =>
    it.do === "issue" && !orders.has(it.intent.secretName)
      ? [{ intent: it.intent, why: it.why, act: (call: Call) => service.keep(it.intent, call) }]
      : []
  );

  const refused: Work[] = held
    .filter((it) => it.deployments.some((deployment) => deployment.state === "held" && deployment.until <= now))
    .map(({ record }) => ({ intent: record.intent, why: "held", act: (call) => service.redeploy(record, call) }));
  return [...interrupted, ...due, ...refused];
}

/** Does one work and writes down how it went, and when it is tried again. */
async function attempt(parts: FlowParts, { intent, why, act }: Work, call: Call): Promise<void> {
  const { secretName, names } = intent;
  const { attempts } = parts.records;
  try {
    await act(call);
    await attempts.put(secretName, { failures: 0, lastAt: parts.clock.now() }, call);
  } catch (error) {
    if (call.signal.aborted) return;
    const before = (await attempts.get(secretName, call))?.value.failures ?? 0;
    const record = failed(error, before + 1, parts.clock.now(), parts.clock.random());
    await attempts.put(secretName, record, call);
    const again = record.nextAt?.toISOString();
    parts.events.emit({
      level: "error",
      name: "certificate.failed",
      text: `No certificate for ${names.join(", ")} (${why}): ${record.lastError}; again at ${again}`,
      fields: { subject: names[0], secret: secretName, code: record.lastCode ?? "" },
    });
  }
}

/** When to try again: after the backoff, but never before the CA's `Retry-After`; a person's turn is looked at each minute. */
function failed(error: unknown, failures: number, now: Date, random: number): AttemptRecord {
  const ours = now.getTime() + attemptWait(error instanceof OrderParkedError ? 1 : failures, random);
  const theirs = error instanceof SidecarError ? error.retryAt?.getTime() ?? 0 : 0;
  return {
    failures,
    lastError: describe(error),
    ...given("lastCode", error instanceof SidecarError ? error.code : undefined),
    nextAt: new Date(Math.max(ours, theirs)),
    lastAt: now,
  };
}

/** A certificate whose bundle somebody removed is not held any more. */
async function inVault(
  { vault }: FlowParts,
  held: readonly HeldCertificate[],
  call: Call,
): Promise<readonly HeldCertificate[]> {
  const names = new Set((await vault.list(call)).map((secret) => secret.name));
  return held.filter(({ record }) => names.has(certificateSecrets(record.intent.secretName).bundle));
}

/** At start every balancer is brought to what the vault holds; one that has it already is left alone. */
async function deployAll(parts: FlowParts, service: Certificates, call: Call): Promise<void> {
  const held = await inVault(parts, await service.certificates(call), call);
  await Promise.allSettled(held.map(({ record }) => service.redeploy(record, call)));
}

/** A failure of one round is told and forgotten: the next round finds the same work. */
async function quietly(parts: FlowParts, name: string, work: () => Promise<unknown>, call: Call): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (call.signal.aborted) return;
    parts.events.emit({ level: "error", name, text: describe(error) });
  }
}
