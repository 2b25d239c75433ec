import { getCommand } from "../model/by_hand.ts";
import { type DnsName, parseDnsName } from "../model/dns_name.ts";
import { explain, type Explanation } from "../model/explain.ts";
import { defaultSecretName } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import type { Call } from "../ports.ts";
import { closedText, closureOf } from "./closure.ts";
import type { FlowParts } from "./parts.ts";
import { holdText } from "./quarantine.ts";
import type { HeldCertificate } from "./service.ts";

/** A certificate, explained. */
export interface ExplainedCertificate extends Explanation {
  /** Its first name. */
  readonly subject: DnsName;
}

/**
 * Explains how it stands with a certificate, by all that is recorded; asks neither the CA nor a balancer.
 *
 * @param held The certificate, where there is one.
 * @returns Undefined where nothing at all is known of the name.
 */
export async function explainCertificate(
  parts: FlowParts,
  subject: string,
  held: HeldCertificate | undefined,
  call: Call,
): Promise<ExplainedCertificate | undefined> {
  const { records, clock, settings } = parts;
  const name = parseDnsName(subject);
  const orders = (await records.orders.list(call)).map((entry) => entry.value);
  const order = orders.find((it) => it.intent?.names[0] === name && it.intent.twinOf === undefined);
  const wishes = (await records.wishes.list(call)).map((entry) => entry.value)
    .filter(({ intent, at }) => intent.names[0] === name && !(held !== undefined && held.record.storedAt >= at));
  const asked = order?.step === "parked" ? order.intent : wishes[0]?.intent;
  const declared = settings.declared?.find((it) => it.names[0] === name);
  const begun = [held?.record.intent, order?.intent, asked].find((it) => it !== undefined);
  const secretName = (begun ?? declared)?.secretName ?? defaultSecretName(name);
  const attempt = (await records.attempts.get(secretName, call))?.value;
  const hold = await holdText(parts, (declared ?? order?.intent ?? begun)?.names ?? [name], clock.now(), call);
  if (begun === undefined && order === undefined && attempt === undefined && hold === undefined) return undefined;
  const closure = await closureOf(parts, call);
  const known = {
    ...given("held", held),
    ...given("order", order),
    ...given("waits", asked === undefined ? undefined : getCommand(asked, settings.keyTypes[0])),
    ...given("attempt", attempt),
    ...given("hold", hold),
    ...given("closed", closure === undefined ? undefined : closedText(closure)),
  };
  return { subject: name, ...explain({ subject: name, ...known, now: clock.now() }) };
}
