import { AcmeProblemError, describe, RateLimitedError } from "../model/errors.ts";
import { type DnsName, sameNames } from "../model/dns_name.ts";
import type { Order } from "../model/order.ts";
import type { Intent, OrderRecord } from "../model/records.ts";
import { type Dispensable, dispensable } from "../model/replaces.ts";
import { orderKeyName } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import type { AuthorityAccount, Call } from "../ports.ts";
import type { FlowParts } from "./parts.ts";
import { noteRefusal } from "./quarantine.ts";

/** An order whose URL is written down, as the CA showed it last. */
export interface OpenOrder {
  readonly record: OrderRecord & { readonly url: URL };
  readonly order: Order;
}

/** What an order is placed for. */
export interface Wanted {
  readonly names: readonly [DnsName, ...DnsName[]];
  /** Absent for an order that only carries an authorization. */
  readonly intent?: Intent;
  /** certID of the certificate that it replaces (RFC 9773 §5). */
  readonly replaces?: string;
}

/** An order that is written down but perhaps not sent. */
export type Intended = OrderRecord & { readonly step: "intended" };

/**
 * Places an order and writes its URL down before anything else is done with it (RFC 8555 §7.4). An order for the same
 * names whose Location was never learnt, because the process ended in between, is looked for first.
 */
export async function placeOrder(
  parts: FlowParts,
  account: AuthorityAccount,
  wanted: Wanted,
  call: Call,
): Promise<OpenOrder> {
  const left = await intendedOrder(parts, account, wanted, call);
  if (left !== undefined) return await locate(parts, account, left, call);
  return await sendOrder(parts, account, await intendOrder(parts, account, wanted, call), call);
}

/** All orders of the account that are written down. */
export async function orderRecords(
  parts: FlowParts,
  account: AuthorityAccount,
  call: Call,
): Promise<readonly OrderRecord[]> {
  const all = (await parts.records.orders.list(call)).map((entry) => entry.value);
  return all.filter((record) => record.account.href === account.url.href);
}

/** Forgets orders that the CA has forgotten: those that only carried an authorization, and those that waited for a person. */
export async function sweepOrders(parts: FlowParts, call: Call): Promise<void> {
  const now = parts.clock.now();
  const all = (await parts.records.orders.list(call)).map((entry) => entry.value);
  const over = all.filter((it) =>
    (it.step === "parked" || (it.step === "ordered" && it.intent === undefined)) &&
    it.expires !== undefined && it.expires < now
  );
  await Promise.all(over.map((it) => parts.records.orders.remove(it.id, call)));
}

/** Writes the record's new step down. */
export async function writeOrder<R extends OrderRecord>(parts: FlowParts, record: R, call: Call): Promise<R> {
  await parts.records.orders.put(record.id, record, call);
  return record;
}

/**
 * Learns where the order is: a record that was intended but has no URL was perhaps sent. The CA's list of our orders tells
 * where it keeps one; else the same request is sent again, which Boulder answers with the same order.
 */
export async function locate(
  parts: FlowParts,
  account: AuthorityAccount,
  record: OrderRecord,
  call: Call,
): Promise<OpenOrder> {
  if (record.step !== "intended") return { record, order: await account.order(record.url, call) };
  const order = await findForgotten(parts, account, record, call);
  return order === undefined
    ? await sendOrder(parts, account, record, call)
    : await ordered(parts, record, order, call);
}

/** Writes an order down before it is sent, unless the vault could not take what comes of it. */
export async function intendOrder(
  parts: FlowParts,
  account: AuthorityAccount,
  { names, intent, replaces }: Wanted,
  call: Call,
): Promise<Intended> {
  await parts.vault.ready(call);
  return await writeOrder(parts, {
    id: crypto.randomUUID(),
    directory: parts.authority.directory,
    account: account.url,
    names,
    ...given("profile", parts.settings.profile),
    ...given("replaces", replaces),
    ...given("intent", intent),
    createdAt: parts.clock.now(),
    step: "intended",
  }, call);
}

/**
 * Sends an order that was written down. Where the CA does not take it as a replacement (RFC 9773 §5) or not with the profile,
 * it is sent once more without: both are wishes, and the certificate is what is wanted.
 */
export async function sendOrder(
  parts: FlowParts,
  account: AuthorityAccount,
  record: Intended,
  call: Call,
): Promise<OpenOrder> {
  let { names, replaces, profile } = { ...record, profile: await offeredProfile(parts, record, call) };
  for (;;) {
    try {
      const order = await account.newOrder(
        { names, ...given("profile", profile), ...given("replaces", replaces) },
        call,
      );
      return await ordered(parts, record, order, call);
    } catch (error) {
      // Not sent, or refused: there is no order. Anything else (no answer came, or the CA failed) leaves the question open, and
      // the record with it.
      if (error instanceof RateLimitedError) await parts.records.orders.remove(record.id, call);
      if (!(error instanceof AcmeProblemError) || (error.problem.status ?? 400) >= 500) throw error;
      const leave = dispensable({ ...given("replaces", replaces), ...given("profile", profile) }, error.problem);
      if (leave === undefined) {
        await noteRefusal(parts, names, error, call);
        await parts.records.orders.remove(record.id, call);
        throw error;
      }
      tellLeft(parts, record, leave, describe(error));
      if (leave === "profile") {
        profile = undefined;
        continue;
      }
      replaces = undefined;
      const { replaces: _, ...rest } = record; // a restart asks without it as well
      record = await writeOrder(parts, rest, call);
    }
  }
}

/** The profile that was configured, where the CA lists it (draft-ietf-acme-profiles §4). */
async function offeredProfile(parts: FlowParts, record: Intended, call: Call): Promise<string | undefined> {
  const { profile } = record;
  if (profile === undefined) return undefined;
  const { profiles } = await parts.authority.about(call);
  if (Object.hasOwn(profiles, profile)) return profile;
  tellLeft(parts, record, "profile", `the CA offers ${Object.keys(profiles).join(", ") || "none"}`);
  return undefined;
}

function tellLeft(parts: FlowParts, { names, profile }: Intended, left: keyof Dispensable, why: string): void {
  const what = left === "profile" ? `with the profile ${profile}` : "as the successor of the certificate that is held";
  parts.events.emit({
    level: "warn",
    name: `order.without_${left}`,
    text: `The order for ${names.join(", ")} is not placed ${what}: ${why}; it is placed without that`,
    fields: { subject: names[0] },
  });
}

async function ordered(parts: FlowParts, record: Intended, order: Order, call: Call): Promise<OpenOrder> {
  const { url, expires } = order;
  if (order.status === "pending" || order.status === "ready") await takeOver(parts, record, url, call);
  return {
    record: await writeOrder(parts, { ...record, step: "ordered", url, ...given("expires", expires) }, call),
    order,
  };
}

/**
 * A CA may hand back an order that is open for the same names, though it was placed for a certificate with another key. It
 * becomes the one's that asks now: an order has one key, and the other certificate gets an order of its own.
 */
async function takeOver(parts: FlowParts, { id, names, intent }: Intended, url: URL, call: Call): Promise<void> {
  if (intent === undefined) return;
  for (const { value: other } of await parts.records.orders.list(call)) {
    if (other.id === id || other.intent === undefined || !("url" in other) || other.url.href !== url.href) continue;
    await parts.vault.remove(orderKeyName(other.id), { ...call, mayWait: true });
    await parts.records.orders.remove(other.id, call);
    const from = other.intent.keyType;
    const text = `The CA gave the open order for ${names.join(", ")} (${from}) again; it is used for ${intent.keyType}`;
    parts.events.emit({ level: "info", name: "order.shared", text, fields: { subject: names[0] } });
  }
}

/** An order that was intended for the same and got no further; with the new intent. */
export async function intendedOrder(
  parts: FlowParts,
  account: AuthorityAccount,
  { names, intent }: Wanted,
  call: Call,
): Promise<Intended | undefined> {
  const left = (await orderRecords(parts, account, call)).find((record): record is Intended =>
    record.step === "intended" && sameNames(record.names, names) && record.profile === parts.settings.profile
  );
  return left === undefined ? undefined : await writeOrder(parts, { ...left, ...given("intent", intent) }, call);
}

/** Looks through the CA's list for an order of ours that the ledger does not know (RFC 8555 §7.1.2.1). */
async function findForgotten(
  parts: FlowParts,
  account: AuthorityAccount,
  record: Intended,
  call: Call,
): Promise<Order | undefined> {
  const known = new Set(
    (await orderRecords(parts, account, call)).flatMap((it) => it.step === "intended" ? [] : [it.url.href]),
  );
  for await (const url of account.orders(call)) {
    if (known.has(url.href)) continue;
    const order = await account.order(url, call);
    const usable = order.status === "pending" || order.status === "ready";
    if (usable && sameNames(order.names, record.names)) return order;
  }
  return undefined;
}
