import { isProvable } from "../model/by_hand.ts";
import { type DnsName, sameNames } from "../model/dns_name.ts";
import { AcmeProblemError, InputError, SidecarError } from "../model/errors.ts";
import type { AuthorizationRecord, CertificateRecord, Intent, OrderRecord } from "../model/records.ts";
import { replacedBy } from "../model/replaces.ts";
import { given } from "../model/shape.ts";
import type { Call } from "../ports.ts";
import { isOpen } from "./answers.ts";
import { intendedOrder, intendOrder, locate, type OpenOrder, orderRecords, sendOrder, writeOrder } from "./orders.ts";
import { completeOrder } from "./complete.ts";
import { findRecord } from "./authorization_record.ts";
import { possibleTypes, type Preference } from "./possible_types.ts";
import { parked, type ProofParts, proveRecords, settleAll } from "./proof.ts";

/**
 * Brings a certificate about: goes on with the order that is open for it, else proves what was authorized, else orders.
 * An intent never has two orders (RFC 8555 has no way to take one back).
 *
 * @throws {OrderParkedError} If TXT records of a person are missing. The CA was not told about any name then.
 */
export async function issue(
  parts: ProofParts,
  intent: Intent,
  preference: Preference,
  call: Call,
): Promise<CertificateRecord> {
  const known = await knownRecords(parts, intent.names, call);
  const open = known.filter((record) => isOpen(record, parts.clock.now()));
  await checkRecords(parts, open, call);
  let order = await openOrderFor(parts, intent, call) ?? await carrierFor(parts, intent, open, call);
  if (order === undefined) {
    // What a person has authorized is ordered for a person; unattended, only while the CA remembers it.
    const counts = known.filter((it) => preference.first === "record" || isProvable(it, parts.clock.now()));
    checkProvable(parts, intent.names.filter((name) => !counts.some((it) => it.name === name)), preference);
    order = await orderAnew(parts, intent, open, call);
  }
  return await completeOrder(parts, order, intent, preference, call);
}

/** Goes on with an order that a restart interrupted. */
export async function resume(
  parts: ProofParts,
  record: OrderRecord & { readonly intent: Intent },
  preference: Preference,
  call: Call,
): Promise<CertificateRecord> {
  if (record.step === "intended") return await issue(parts, record.intent, preference, call);
  const order = await goOn(parts, record, call);
  if (order === undefined) return await issue(parts, record.intent, preference, call);
  return await completeOrder(parts, order, record.intent, preference, call);
}

/** The records of all names, where there are any. */
export async function knownRecords(
  parts: ProofParts,
  names: readonly DnsName[],
  call: Call,
): Promise<readonly AuthorizationRecord[]> {
  const found = await Promise.all(names.map((name) => findRecord(parts, name, call)));
  return found.filter((record) => record !== undefined);
}

/** The balancers that the names were authorized with. */
export async function linksOf(
  parts: ProofParts,
  names: readonly DnsName[],
  call: Call,
): Promise<readonly string[]> {
  const known = await knownRecords(parts, names, call);
  return [...new Set(known.flatMap((record) => record.balancer ?? []))];
}

/** Refuses names that nobody has authorized, as the original did. */
export async function requireRecords(parts: ProofParts, names: readonly DnsName[], call: Call): Promise<void> {
  const known = await knownRecords(parts, names, call);
  const missing = names.filter((name) => !known.some((record) => record.name === name));
  if (missing.length === 0) return;
  throw new InputError(
    "authorization",
    `Domain authorization not found for domain ${missing.join(", ")}`,
    `run kontena certificate authorize ${missing[0]}`,
  );
}

/** One miss, and the CA hears of no name: a failed validation counts against a limit, a missing record costs nothing. */
async function checkRecords(parts: ProofParts, open: readonly AuthorizationRecord[], call: Call): Promise<void> {
  const missing = await settleAll(parts, open.filter((record) => record.state === "created"), call);
  if (missing.length > 0) throw await parked(parts, missing);
}

/** Refuses names that no automatic challenge can prove before an order is placed for them. */
function checkProvable(parts: ProofParts, names: readonly DnsName[], preference: Preference): void {
  const hopeless = names.filter((name) => possibleTypes(parts, name, preference).length === 0);
  if (hopeless.length === 0) return;
  throw new InputError(
    "challenge",
    `No automatic challenge can prove ${hopeless.join(", ")}`,
    `run kontena certificate authorize --auth-type dns-01 ${hopeless[0]}`,
  );
}

/** The order that is open for exactly these names and this kind of key. */
async function openOrderFor(parts: ProofParts, intent: Intent, call: Call): Promise<OpenOrder | undefined> {
  const records = await orderRecords(parts, parts.account.authority, call);
  const record = records.find((it) =>
    it.intent !== undefined && it.intent.keyType === intent.keyType && sameNames(it.names, intent.names) &&
    (it.step === "finalizing" || it.step === "issued" || isAlive(it, parts.clock.now()))
  );
  return record === undefined ? undefined : await goOn(parts, { ...record, intent }, call);
}

/** For one name: the order that carries its authorization becomes the certificate's. */
async function carrierFor(
  parts: ProofParts,
  intent: Intent,
  open: readonly AuthorizationRecord[],
  call: Call,
): Promise<OpenOrder | undefined> {
  const [first, ...others] = open;
  if (intent.names.length > 1 || first === undefined || others.length > 0) return undefined;
  const records = await orderRecords(parts, parts.account.authority, call);
  const carrier = records.find((it) => it.step === "ordered" && it.url.href === first.order.href);
  if (carrier === undefined || carrier.intent !== undefined) return undefined;
  return await goOn(parts, { ...carrier, intent }, call);
}

/** Goes on with a recorded order; one that the CA does not know any more is forgotten. */
async function goOn(parts: ProofParts, record: OrderRecord, call: Call): Promise<OpenOrder | undefined> {
  try {
    return await locate(parts, parts.account.authority, await writeOrder(parts, record, call), call);
  } catch (error) {
    if (!(error instanceof AcmeProblemError) || error.problem.status !== 404) throw error;
    await parts.records.orders.remove(record.id, call);
    const text = `The CA does not know the order for ${record.names.join(", ")} any more; it is placed anew`;
    parts.events.emit({ level: "warn", name: "order.lost", text });
    return undefined;
  }
}

/** The intent is written down first, so that a restart knows of it; then what was authorized is proven; then it is ordered. */
async function orderAnew(
  parts: ProofParts,
  intent: Intent,
  open: readonly AuthorizationRecord[],
  call: Call,
): Promise<OpenOrder> {
  const { authority } = parts.account;
  const wanted = { names: intent.names, intent, ...given("replaces", await predecessor(parts, intent, call)) };
  const left = await intendedOrder(parts, authority, wanted, call);
  const record = left ?? await intendOrder(parts, authority, wanted, call);
  try {
    await proveRecords(parts, open, call);
  } catch (error) {
    if (left === undefined && error instanceof SidecarError) await parts.records.orders.remove(record.id, call);
    throw error;
  }
  return left === undefined
    ? await sendOrder(parts, authority, record, call)
    : await locate(parts, authority, record, call);
}

/** What the new certificate takes the place of, where the CA wants to know (RFC 9773 §5). */
async function predecessor(parts: ProofParts, intent: Intent, call: Call): Promise<string | undefined> {
  const { authority, account, records } = parts;
  const held = (await records.certificates.get(intent.secretName, call))?.value;
  const order = { names: intent.names, directory: authority.directory, account: account.authority.url };
  const replaced = replacedBy(order, held);
  return replaced !== undefined && (await authority.about(call)).renewalInfo === true ? replaced : undefined;
}

function isAlive(record: OrderRecord, now: Date): boolean {
  if (record.step !== "ordered" && record.step !== "parked") return false;
  return record.expires === undefined || record.expires > now;
}
