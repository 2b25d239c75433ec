import { CHALLENGES, type ChallengeType } from "../model/challenge_type.ts";
import { OrderParkedError, SidecarError } from "../model/errors.ts";
import type { Authorization, Challenge, Order } from "../model/order.ts";
import type { AuthorizationRecord } from "../model/records.ts";
import { given } from "../model/shape.ts";
import type { Call } from "../ports.ts";
import type { OpenAccount } from "./account.ts";
import { answerOf, type Answers, isOpen } from "./answers.ts";
import { findRecord, recordAuthorization, writeState } from "./authorization_record.ts";
import { throwAll, whyInvalid } from "./failure.ts";
import type { FlowParts } from "./parts.ts";
import { pollOrder } from "./poll.ts";
import { possibleTypes, type Preference } from "./possible_types.ts";
import type { TxtRecord } from "./service.ts";

export type { Preference };

/** What proving needs beside the parts: the account, the answers that are up, and how a name shall be proven. */
export interface ProofParts extends FlowParts {
  readonly account: OpenAccount;
  readonly answers: Answers;
}

/**
 * Proves every name of a pending order: all answers are presented first, then seen on the way that the CA takes, then the CA
 * is told about all of them at once. Names that need a person's TXT record and do not have it are told at the end.
 *
 * @returns The order once the CA has decided.
 * @throws {OrderParkedError} If records are missing; all other names were proven.
 */
export async function proveOrder(
  parts: ProofParts,
  order: Order,
  preference: Preference,
  call: Call,
): Promise<Order> {
  const read = await Promise.all(order.authorizations.map((url) => parts.account.authority.authorization(url, call)));
  const open = read.filter((it) => it.status === "pending");
  const tasks = await Promise.all(open.map((it) => taskFor(parts, order, it, preference, call)));
  // What is pending at the CA is told; what is processing was told before a restart (RFC 8555 §7.1.6).
  const untold = tasks.filter((task) => task.challenge.status === "pending").map((task) => task.record);
  const told = tasks.filter((task) => task.challenge.status !== "pending").map((task) => task.record);
  const missing = await settleAll(parts, untold, call);
  await presentAll(parts, told, call);
  const ready = untold.filter((record) => !missing.includes(record));
  await tellAll(parts, ready, call);
  if (missing.length > 0) throw await parked(parts, missing);
  return await decided(parts, order, [...told, ...ready], call);
}

/**
 * Tells the CA about records whose answers are up, and waits until it has decided about the orders that carry them. The
 * answers are taken down on every way out. What an order carries for further names as well is left alone: that order would
 * stay pending, and the name is proven with the next one.
 */
export async function proveRecords(
  parts: ProofParts,
  open: readonly AuthorizationRecord[],
  call: Call,
): Promise<void> {
  const { authority } = parts.account;
  const names = new Set(open.map((record) => record.name));
  const read = await Promise.all(
    open.map(async (record) => ({ record, order: await authority.order(record.order, call) })),
  );
  const carried = read.filter(({ order }) => order.names.every((name) => names.has(name)));
  await tellAll(parts, carried.map(({ record }) => record).filter((record) => record.state === "created"), call);
  const outcomes = await Promise.allSettled(carried.map(async ({ record, order }) => {
    const end = await decided(parts, order, [record], call);
    if (end.status === "invalid") throw await whyInvalid(parts, end, call);
  }));
  throwAll(outcomes);
}

/** Notes that the CA was convinced of all names of an order, where a restart came between its decision and our noting it. */
export async function closeRecords(parts: ProofParts, order: Order, call: Call): Promise<void> {
  const found = await Promise.all(order.names.map((name) => findRecord(parts, name, call)));
  const open = found.filter((it) =>
    it !== undefined && it.order.href === order.url.href && isOpen(it, parts.clock.now())
  );
  await close(parts, open.filter((it) => it !== undefined), call);
}

/** Looks whether every answer can be seen; the records of a person that cannot are returned, other failures thrown. */
export async function settleAll(
  parts: ProofParts,
  open: readonly AuthorizationRecord[],
  call: Call,
): Promise<readonly AuthorizationRecord[]> {
  await presentAll(parts, open, call);
  const outcomes = await Promise.allSettled(open.map((record) => parts.answers.settled(record, call)));
  const byHand = open.filter((record, i) => !CHALLENGES[record.type].automatic && outcomes[i]?.status === "rejected");
  throwAll(outcomes.filter((_, i) => !byHand.includes(open[i]!)));
  return byHand;
}

/** The error that shows a person the records to set, sorted: a CA lists the names of an order as it likes. */
export async function parked(
  parts: FlowParts,
  records: readonly AuthorizationRecord[],
): Promise<OrderParkedError> {
  const sorted = records.toSorted((a, b) => a.name < b.name ? -1 : 1);
  const shown = await Promise.all(sorted.map((record) => txtRecord(parts, record)));
  return new OrderParkedError(shown.filter((record) => record !== undefined));
}

/** The TXT record that answers, where a person sets it. */
export async function txtRecord(parts: FlowParts, record: AuthorizationRecord): Promise<TxtRecord | undefined> {
  if (record.keyAuthorization === "") return undefined; // it was valid before we ever saw a token
  const shown = await parts.solvers.get(record.type)?.record?.(answerOf(record));
  return shown === undefined ? undefined : { domain: record.name, ...shown };
}

async function presentAll(parts: ProofParts, open: readonly AuthorizationRecord[], call: Call): Promise<void> {
  const automatic = open.filter((record) => CHALLENGES[record.type].automatic);
  throwAll(await Promise.allSettled(automatic.map((record) => parts.answers.present(record, call))));
}

/** A task for each pending authorization: the record that is there where it is about this very challenge, else a new one. */
async function taskFor(
  parts: ProofParts,
  order: Order,
  authorization: Authorization,
  preference: Preference,
  call: Call,
): Promise<{ readonly record: AuthorizationRecord; readonly challenge: Challenge }> {
  const known = await findRecord(parts, authorization.name, call);
  const challenge = authorization.challenges.find((it) => it.url.href === known?.challenge.href);
  if (known !== undefined && challenge !== undefined && isOpen(known, parts.clock.now())) {
    return { record: known, challenge };
  }
  const balancer = preference.balancer ?? known?.balancer;
  const chosen = choose(parts, authorization, { ...preference, ...given("balancer", balancer) });
  const type = preference.first === "record" ? known?.type ?? chosen : chosen ?? known?.type;
  if (type === undefined) throw noneFits(authorization);
  return await recordAuthorization(parts, order.url, authorization, { type, ...given("balancer", balancer) }, call);
}

/** The first of the possible types that the CA offers. */
function choose(
  parts: FlowParts,
  { name, challenges }: Authorization,
  preference: Preference,
): ChallengeType | undefined {
  return possibleTypes(parts, name, preference).find((type) => challenges.some((it) => it.type === type));
}

function noneFits({ name, challenges }: Authorization): SidecarError {
  const offered = challenges.map((it) => it.type).join(", ");
  const found = `No automatic challenge can prove ${name}; the CA offers ${offered}`;
  return new SidecarError("CHALLENGE_NOT_OFFERED", found, {
    field: "challenge",
    todo: `run kontena certificate authorize --auth-type dns-01 ${name}`,
  });
}

/** Tells the CA about all records at once; each is written down as asked for before the CA hears of it. */
async function tellAll(parts: ProofParts, open: readonly AuthorizationRecord[], call: Call): Promise<void> {
  const told = await Promise.allSettled(open.map(async (record) => {
    await writeState(parts, { ...record, state: "requested" }, call);
    await parts.account.authority.respond(record.challenge, call);
  }));
  throwAll(told);
}

/** Waits for the CA's decision about the order and notes it for the records that it rests on. */
async function decided(
  parts: ProofParts,
  order: Order,
  records: readonly AuthorizationRecord[],
  call: Call,
): Promise<Order> {
  const { account, clock } = parts;
  const end = await pollOrder(account.authority, clock, order, (it) => it.status !== "pending", call);
  if (end.status === "invalid") await withdrawAll(parts, records);
  else await close(parts, records, call);
  return end;
}

async function close(parts: ProofParts, records: readonly AuthorizationRecord[], call: Call): Promise<void> {
  await Promise.all(records.map((record) => writeState(parts, { ...record, state: "validated" }, call)));
  await withdrawAll(parts, records);
}

async function withdrawAll({ answers }: ProofParts, records: readonly AuthorizationRecord[]): Promise<void> {
  await Promise.all(records.filter((it) => CHALLENGES[it.type].automatic).map((record) => answers.withdraw(record)));
}
