import { restAfter } from "../model/aside.ts";
import { attemptFailed, easeAttempts, isResting } from "../model/attempt.ts";
import { CHALLENGES } from "../model/challenge_type.ts";
import type { DnsName } from "../model/dns_name.ts";
import { isVaultAway } from "../model/errors.ts";
import { nextRenewal, plan, type Planned } from "../model/plan.ts";
import type { AttemptRecord, CertificateRecord, Intent } from "../model/records.ts";
import { RENEWAL_REASONS } from "../model/renewal.ts";
import type { RenewalRecord } from "../model/renewal_record.ts";
import { certificateSecrets, type SecretName } from "../model/secret_name.ts";
import { heldBy, isHeldBack, type NameHold } from "../model/quarantine.ts";
import { given } from "../model/shape.ts";
import { surplusTwins, wantedTwins } from "../model/twins.ts";
import type { Call } from "../ports.ts";
import { accountWatch } from "./account_watch.ts";
import type { Answers } from "./answers.ts";
import { sweepAsides } from "./aside.ts";
import { bundleWatch } from "./bundle_watch.ts";
import { type HandWatch, handWatch } from "./by_hand.ts";
import { type CaClock, caClock } from "./ca_clock.ts";
import type { Certificates } from "./certificates.ts";
import { type ExpiryWatch, expiryWatch } from "./expiry_watch.ts";
import { sweepOrders } from "./orders.ts";
import type { FlowParts } from "./parts.ts";
import { quietly } from "./quietly.ts";
import { failingNames, wantedNames } from "./quarantine.ts";
import { possibleTypes } from "./possible_types.ts";
import { type RenewalWatch, renewalWatch } from "./renewal_watch.ts";
import { repairCertIds, repairSecrets } from "./repair.ts";
import type { HeldCertificate } from "./service.ts";
import { sweep } from "./sweep.ts";
import { type VaultWatch, vaultWatch } from "./vault_watch.ts";

/** How often the keeper looks at everything; what is due sooner waits at most that long. */
const LOOK_MS = 30_000;
/** A sleep that ends this much too early or too late was no sleep: the clock was set, or the machine stood still. */
const JUMP_MS = 120_000;
/** What the CA has recalled goes to it this much before everything else. */
const HEAD_START_MS = 5_000;
/** Machines that wake up together do not go to the CA together. */
const WAKE_MS = 5_000;

/** Keeps every certificate as it shall be. */
export interface Keeper {
  /** Works until the signal aborts, and resolves when the last work has ended. */
  run(call: Call): Promise<void>;
  /** One look at everything; resolves when what it began has ended. What is under way already is left alone. */
  look(call: Call): Promise<void>;
}

/**
 * Makes the keeper: it goes on with what a restart interrupted, brings about what is declared, renews what is due. One certificate's failure or slowness does not hold up another.
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
  const account = accountWatch(parts);
  const ca = caClock(parts);
  const watches = { expiry: expiryWatch(parts), renewal: renewalWatch(parts, ca), hand: handWatch(parts, service) };
  const bundles = bundleWatch(parts, service);
  const gone = sweep(parts);
  const vault = vaultWatch(parts, async (call) => {
    await quietly(parts, "keeper.repair", () => repairSecrets(parts, call), call);
    await quietly(parts, "keeper.repair", () => repairCertIds(parts, call), call);
  });

  const askAbout = (held: readonly HeldCertificate[], call: Call): Promise<void> =>
    quietly(parts, "renewal.ask", () => watches.renewal.ask(held.map((it) => it.record), call), call);

  const look = async (call: Call): Promise<void> => {
    const closed = await account.look(call);
    const secrets = await vault.look(call);
    if (secrets !== undefined) await quietly(parts, "keeper.follow", () => bundles.look(secrets, call), call);
    const all = await service.certificates(call);
    if (secrets === undefined) return await askAbout(all, call);
    if (parts.settings.agreeTos && !closed) {
      await quietly(parts, "account.failed", () => service.openAccount(call), call);
    }
    await quietly(parts, "keeper.tidy", () => Promise.all([answers.tidy(call), sweepOrders(parts, call)]), call);
    await quietly(parts, "keeper.tidy", () => sweepAsides(parts, call), call);
    await quietly(parts, "keeper.tidy", () => gone.look(all.map((it) => it.record), declared, call), call);
    const held = all.filter(({ record }) => secrets.has(certificateSecrets(record.intent.secretName).bundle));
    const works = await worksToDo({ parts, service, declared, all, held, ca, watches }, call);
    const asking = askAbout(held, call);
    const begin = async (work: Work): Promise<void> => {
      if (busy.has(work.intent.secretName)) return;
      busy.add(work.intent.secretName);
      // Where not even the failure can be written down, that is told: the next look tries again.
      await quietly(parts, "keeper.attempt", () => attempt(parts, vault, work, call), call);
      busy.delete(work.intent.secretName);
    };
    const { urgent = [], other = [] } = Object.groupBy(works, (it) => it.why === "recalled" ? "urgent" : "other");
    const first = Promise.all(urgent.map(begin));
    if (urgent.length > 0) await headStart(parts, first, call);
    await Promise.all([asking, first, ...other.map(begin)]);
  };

  return {
    look,
    async run(call: Call): Promise<void> {
      await quietly(parts, "keeper.restore", () => answers.restore(call), call);
      bundles.listen(call);
      const underWay = new Set<Promise<void>>();
      while (!call.signal.aborted) {
        const round = quietly(parts, "keeper.look", () => look(call), call);
        underWay.add(round);
        round.finally(() => underWay.delete(round));
        await rest(parts, ca, call).catch(() => {}); // aborted: the loop ends
      }
      await Promise.all(underWay);
    },
  };
}

/** Sleeps until the next look, and tells when the clock or the machine did something else in the meantime. */
async function rest({ clock, events }: FlowParts, ca: CaClock, call: Call): Promise<void> {
  const ms = LOOK_MS * (0.9 + 0.2 * clock.random());
  const end = clock.now().getTime() + ms;
  await clock.sleep(ms, call);
  const jumped = clock.now().getTime() - end;
  if (Math.abs(jumped) < JUMP_MS) return;
  ca.doubt();
  const seconds = Math.round(jumped / 1_000);
  events.emit({
    level: "warn",
    name: "clock.jumped",
    text:
      `The clock is ${Math.abs(seconds)} s ${
        seconds > 0 ? "ahead of" : "behind"
      } what was waited for: it was set, or the ` +
      "machine stood still; everything is looked at again",
    fields: { seconds },
  });
  await clock.sleep(WAKE_MS * clock.random(), call);
}

/** Waits for the work, but not for long: one that hangs holds up nobody. */
async function headStart({ clock }: FlowParts, work: Promise<unknown>, call: Call): Promise<void> {
  const over = new AbortController();
  const signal = AbortSignal.any([call.signal, over.signal]);
  await Promise.race([work, clock.sleep(HEAD_START_MS, { signal }).catch(() => {})]); // aborted: there is no hurry any more
  over.abort();
}

/** Something to do about one certificate. */
interface Work {
  readonly intent: Intent;
  readonly why: string;
  /** Undefined where there turned out to be nothing to do. */
  readonly act: (call: Call) => Promise<HeldCertificate | undefined>;
}

/** What the keeper judges by. */
interface Room {
  readonly parts: FlowParts;
  readonly service: Certificates;
  readonly declared: readonly Intent[];
  /** Everything that is written down, and what of it is in the vault. */
  readonly all: readonly HeldCertificate[];
  readonly held: readonly HeldCertificate[];
  readonly ca: CaClock;
  readonly watches: { readonly expiry: ExpiryWatch; readonly renewal: RenewalWatch; readonly hand: HandWatch };
}

/**
 * Orders to go on with, then what the plan says, then what persons have begun; nothing before its backoff is over.
 */
async function worksToDo(room: Room, call: Call): Promise<readonly Work[]> {
  const { parts: { records, clock, settings }, service, declared, all, held, ca, watches } = room;
  const now = clock.now();
  const surplus = new Set(surplusTwins(room.all.map((it) => it.record)));
  const kept = held.map((it) => it.record).filter((it) => !surplus.has(it));
  const twins = wantedTwins({ declared, held: kept, keyTypes: settings.keyTypes });
  const open = await service.interrupted(call);
  const wanted = new Set([...open, ...held.map((it) => it.record)].map((it) => it.intent.secretName));
  for (const { secretName } of [...declared, ...twins]) wanted.add(secretName);
  const tried = (await records.attempts.list(call)).map((entry) => [entry.id as SecretName, entry.value] as const);
  const attempts = easeAttempts(new Map(tried.filter(([name]) => wanted.has(name))), now);

  const intents = [...[...open, ...held.map((it) => it.record)].map((it) => it.intent), ...declared];
  const names = await wantedNames(room.parts, intents.flatMap((it) => it.names), call);

  const interrupted: Work[] = open
    .filter((record) => !isResting(attempts.get(record.intent.secretName), now) && !isHeldBack(record, names, now))
    .map((record) => ({ intent: record.intent, why: "interrupted", act: (call) => service.resume(record, call) }));
  const orders = new Set(interrupted.map((work) => work.intent.secretName));

  const known = (await records.authorizations.list(call)).map((entry) => entry.value);
  const provable = new Set(known.filter((it) => CHALLENGES[it.type].automatic).map((it) => it.name));
  const renewals = new Map((await records.renewals.list(call)).map((entry) => [entry.id as SecretName, entry.value]));
  const situation = {
    held: kept,
    attempts: await withAsides(room.parts, attempts, [...kept.map((it) => it.intent), ...declared, ...twins], call),
    names,
    now,
  };
  const planned = plan({
    ...situation,
    declared,
    twins,
    provable: (name: DnsName, declared?: Intent) =>
      provable.has(name) || (declared !== undefined && isProvable(room.parts, name, declared)),
    renewals,
    caNow: ca.now(),
  });
  watches.expiry.look(planned, held);
  const handed = await watches.hand.handedOver({ ...situation, planned }, call);
  const theirs = new Set(handed.map((intent) => intent.secretName));
  const recorded = new Map(all.map(({ record }) => [record.intent.secretName, record]));
  const due: Work[] = planned.flatMap((it) =>
    it.do === "issue" && !orders.has(it.intent.secretName) && !theirs.has(it.intent.secretName)
      ? [issueWork(room, it, recorded.get(it.intent.secretName), renewals)]
      : []
  );
  const begun: Work[] = handed
    .filter(({ secretName }) => !orders.has(secretName) && watches.hand.isTime(secretName))
    .map((intent) => ({ intent, why: "by hand", act: (call) => watches.hand.finish(intent, call) }));
  const over: Work[] = [...surplus]
    .filter((it) => !isResting(attempts.get(it.intent.secretName), now) && isReplaced(room, it))
    .map((record) => ({
      intent: record.intent,
      why: "a second kind that is not wanted any more",
      act: async (call) => (await service.endTwin(record, call), undefined),
    }));
  return [...interrupted, ...due, ...begun, ...over];
}

/** What takes a second kind's place has to be served before that is taken out. */
function isReplaced({ all }: Room, { intent: { twinOf } }: CertificateRecord): boolean {
  const first = all.find((it) => it.record.intent.secretName === twinOf);
  if (first === undefined) return true;
  const { deployments, record: { facts: { fingerprint } } } = first;
  return deployments.every((it) => it.state === "served" && it.fingerprint === fingerprint);
}

/**
 * What is due by a date is ordered only when it is sure that the date has come: our clock may have been set wrong. And what was
 * replaced since it was judged is left to the next look: a second certificate for one intent would be one too many.
 */
function issueWork(
  { parts, service, ca }: Room,
  { intent, why }: Planned,
  judged: CertificateRecord | undefined,
  renewals: ReadonlyMap<SecretName, RenewalRecord>,
): Work {
  const { secretName } = intent;
  return {
    intent,
    why,
    async act(call): Promise<HeldCertificate | undefined> {
      if (judged !== undefined && Object.hasOwn(RENEWAL_REASONS, why)) {
        await ca.sure(call);
        if (!isDue(judged, renewals.get(secretName), ca.now())) return undefined;
      }
      const now = (await parts.records.certificates.get(secretName, call))?.value;
      if (now?.facts.fingerprint !== judged?.facts.fingerprint) return undefined;
      return await service.keep(intent, call, { insists: why === "recalled" || why === "revoked" });
    },
  };
}

/** Tells whether a challenge that was configured can prove the name without a person. */
function isProvable(parts: FlowParts, name: DnsName, { balancers: [balancer] }: Intent): boolean {
  const types = parts.settings.challenges.filter((type) => CHALLENGES[type].automatic);
  return possibleTypes(parts, name, { types, ...given("balancer", balancer) }).length > 0;
}

function isDue(record: CertificateRecord, known: RenewalRecord | undefined, caNow: Date): boolean {
  const date = nextRenewal(record, known);
  return date !== undefined && date.at <= caNow;
}

/** A certificate that was kept aside lets the next order rest, also where a restart lost the attempt's own record. */
async function withAsides(
  { records, authority }: FlowParts,
  attempts: ReadonlyMap<SecretName, AttemptRecord>,
  wanted: readonly Intent[],
  call: Call,
): Promise<ReadonlyMap<SecretName, AttemptRecord>> {
  const asides = new Map((await records.asides.list(call)).map((entry) => [entry.id as SecretName, entry.value]));
  if (asides.size === 0) return attempts;
  const rests = new Map(attempts);
  for (const intent of wanted) {
    const { secretName } = intent;
    const rest = restAfter(attempts.get(secretName), asides.get(secretName), intent, authority.directory);
    if (rest === undefined) rests.delete(secretName);
    else rests.set(secretName, rest);
  }
  return rests;
}

/** Does one work and writes down how it went, and when it is tried again. */
async function attempt(parts: FlowParts, vault: VaultWatch, { intent, why, act }: Work, call: Call): Promise<void> {
  const { secretName, names, keyType, twinOf } = intent;
  const { attempts } = parts.records;
  try {
    if (await act(call) === undefined) return;
    await attempts.put(secretName, { failures: 0, lastAt: parts.clock.now() }, call);
  } catch (error) {
    if (call.signal.aborted) return;
    if (isVaultAway(error)) vault.missed(error);
    // What failed may be the ledger itself: it is told all the same.
    const before = (await attempts.get(secretName, call).catch(() => undefined))?.value.failures ?? 0;
    const record = attemptFailed(error, before + 1, parts.clock.now(), parts.clock.random());
    const waits = record.failures === before;
    const failing = await failingNames(parts, call).catch(() => undefined);
    const hold = failing === undefined ? undefined : heldBy(names, failing, parts.clock.now());
    const again = againText(record, hold);
    parts.events.emit({
      level: waits ? "info" : "error",
      name: waits ? "certificate.waits" : "certificate.failed",
      text: `No ${twinOf === undefined ? "" : `${keyType} `}certificate for ${
        names.join(", ")
      } (${why}): ${record.lastError}; ${again}`,
      fields: { subject: names[0], secret: secretName, code: record.lastCode ?? "" },
    });
    await quietly(parts, "keeper.note", () => attempts.put(secretName, record, call), call);
  }
}

/** Says when it is tried again: when both its own backoff and the rest of its names are over. */
function againText({ nextAt }: AttemptRecord, hold: NameHold | undefined): string {
  if (hold !== undefined && hold.until === undefined) return "not again by itself";
  return `again at ${new Date(Math.max(nextAt?.getTime() ?? 0, hold?.until?.getTime() ?? 0)).toISOString()}`;
}
