import { MOST_LOOKS, MOST_WAIT_MS } from "../model/aside.ts";
import type { Bundle, CertificateFacts } from "../model/certificate.ts";
import { SidecarError } from "../model/errors.ts";
import { judge } from "../model/judge.ts";
import type { Intent, OrderRecord } from "../model/records.ts";
import { type Finding, type Reason, todoOf } from "../model/verdict.ts";
import type { Call } from "../ports.ts";
import { appraise, type Appraised } from "../x509/check_chain.ts";
import { rejected } from "../x509/chain.ts";
import type { KeyPair } from "../x509/keys.ts";
import { type Downloaded, keepAside } from "./aside.ts";
import type { FlowParts } from "./parts.ts";
import { standing } from "./standing.ts";

/** What the gate says to a certificate that was downloaded. */
export type Admission =
  | { readonly do: "take"; readonly bundle: Bundle; readonly warnings: readonly Finding[] }
  | { readonly do: "close"; readonly error: SidecarError } // it was kept aside: the order has no more to give
  | { readonly do: "look again"; readonly error: SidecarError; readonly looks?: number };

/**
 * The gate before a certificate becomes current: judges what the CA sent against what is held. What would make things worse is
 * kept aside; what is only too early, or did not arrive whole, is looked at again.
 */
export async function admit(
  parts: FlowParts,
  order: OrderRecord & { readonly url: URL },
  intent: Intent,
  downloaded: { readonly pem: string; readonly key: KeyPair },
  call: Call,
): Promise<Admission> {
  const { pem, key } = downloaded;
  const { directory, account, url } = order;
  const it: Downloaded = { intent, pem, keyPem: key.pem, directory, account, order: url };
  const read = readable(pem, key);
  if (read instanceof SidecarError) return await unreadable(parts, order, it, read, call);
  const proposed = { chain: read.chain, names: intent.names, directory };
  const now = await momentOf(parts, read.chain.facts, call);
  const verdict = judge(proposed, await standing(parts, intent, call), now);
  if (verdict.do !== "keep aside") {
    return { do: "take", bundle: read.bundle, warnings: verdict.do === "swap" ? [] : verdict.warnings };
  }
  const { waitUntil, reasons: [first] } = verdict;
  if (waitUntil !== undefined && waitUntil.getTime() <= now.getTime() + MOST_WAIT_MS) {
    const error = rejected(first.found, { todo: todoOf(first.name), retryAt: waitUntil });
    return { do: "look again", error };
  }
  const looks = looksAt(order);
  if (looks < MOST_LOOKS && isOfTheChain(verdict.reasons, read.chain.facts.notAfter > now)) {
    return { do: "look again", error: rejected(first.found, { todo: todoOf(first.name) }), looks };
  }
  return { do: "close", error: await keepAside(parts, { ...it, facts: read.chain.facts }, verdict, call) };
}

/**
 * The moment that dates are judged by. They are the CA's: where its certificate is too early or over by our clock, that may have
 * been set wrong, and the CA is asked what time it is before anything is thrown away.
 */
async function momentOf(
  { authority, clock }: FlowParts,
  { notBefore, notAfter }: Pick<CertificateFacts, "notBefore" | "notAfter">,
  call: Call,
): Promise<Date> {
  if (notBefore <= clock.now() && clock.now() < notAfter) return clock.now();
  const offsetMs = await authority.clockOffsetMs(call).catch(() => 0); // then ours is the only one that there is
  call.signal.throwIfAborted();
  return new Date(clock.now().getTime() + (offsetMs ?? 0));
}

/**
 * Tells whether all that is wrong is in the certificates that came along, or in their order: the next download may be better,
 * as the leaf is the same. What comes first in a wrong order is not the leaf, and what is said of it counts for nothing.
 */
function isOfTheChain(reasons: readonly Reason[], leafIsValid: boolean): boolean {
  if (reasons.some(({ name }) => name === "chain-order")) return true;
  return leafIsValid && reasons.every(({ name }) => CHAIN_REASONS.includes(name));
}

const CHAIN_REASONS: readonly Reason["name"][] = ["chain-broken", "chain-missing", "expired"];

/** How often the order's certificate was looked at, this time included. */
function looksAt(order: OrderRecord): number {
  return (order.step === "issued" ? order.looks ?? 0 : 0) + 1;
}

function readable(pem: string, key: KeyPair): Appraised | SidecarError {
  try {
    return appraise(pem, key);
  } catch (error) {
    if (error instanceof SidecarError) return error;
    throw error;
  }
}

/** The next download may be whole; a CA that has nothing better after so many looks has nothing better. */
async function unreadable(
  parts: FlowParts,
  order: OrderRecord,
  it: Downloaded,
  error: SidecarError,
  call: Call,
): Promise<Admission> {
  const looks = looksAt(order);
  if (looks < MOST_LOOKS) return { do: "look again", error, looks };
  const found = error.message.replace(/^[^:]*: /, "");
  const verdict = { reasons: [{ name: "unreadable", found }], warnings: [] } as const;
  return { do: "close", error: await keepAside(parts, it, verdict, call) };
}
