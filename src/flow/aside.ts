import { orderAgainWait } from "../model/aside.ts";
import type { CertificateFacts } from "../model/certificate.ts";
import { SidecarError } from "../model/errors.ts";
import { judge } from "../model/judge.ts";
import type { AsideRecord, CertificateRecord, Intent } from "../model/records.ts";
import { asideName, type SecretName } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import { isOverridable, todoOf, type Verdict } from "../model/verdict.ts";
import { bundleWrites } from "../vault/certificate_secrets.ts";
import type { Call } from "../ports.ts";
import { readBundle } from "../x509/bundle.ts";
import type { FlowParts } from "./parts.ts";
import { appraiseBundle, standing, tellWarnings } from "./standing.ts";

/** What came for an order. `pem` and `keyPem` are sealed as they are. */
export interface Downloaded {
  readonly intent: Intent;
  /** The CA's answer as it came. */
  readonly pem: string;
  /** Secret. */
  readonly keyPem: string;
  /** What could be read of it. */
  readonly facts?: CertificateFacts;
  readonly directory: URL;
  readonly account: URL;
  readonly order: URL;
}

/**
 * Keeps a certificate aside: sealed first, then written down; what is served stays as it is.
 *
 * @returns The error for whoever waits for it.
 */
export async function keepAside(
  parts: FlowParts,
  { pem, keyPem, ...it }: Downloaded,
  { reasons, warnings }: Pick<Verdict & { readonly do: "keep aside" }, "reasons" | "warnings">,
  call: Call,
): Promise<SidecarError> {
  const { vault, records, clock, events } = parts;
  const { secretName, names } = it.intent;
  const at = clock.now();
  const count = ((await records.asides.get(secretName, call))?.value.count ?? 0) + 1;
  const aside: AsideRecord = {
    ...it,
    reasons,
    warnings,
    at,
    count,
    until: new Date(at.getTime() + orderAgainWait(count)),
  };
  await vault.write([{ name: asideName(secretName), value: `${pem.trimEnd()}\n${keyPem}` }], {
    ...call,
    mayWait: true,
  });
  await records.asides.put(secretName, aside, call);
  const error = asideError(aside);
  events.emit({
    level: "error",
    name: "certificate.aside",
    text: `${error.message} (${error.todo})`,
    fields: { subject: names[0], secret: secretName, reason: reasons.map((it) => it.name).join(" "), count },
  });
  return error;
}

/** Says that a certificate was kept aside, why, and what to do. */
export function asideError({ intent: { names }, reasons, until }: AsideRecord): SidecarError {
  const [subject] = names;
  const found = reasons.map((it) => it.found).join("; ");
  const own = todoOf(reasons[0].name);
  return new SidecarError("CERTIFICATE_REJECTED", `The new certificate for ${subject} was kept aside: ${found}`, {
    field: "certificate",
    todo: isOverridable(reasons)
      ? `the one in use is served on; ${own}, or run kontena certificate accept ${subject}`
      : `the one in use is served on; ${own}`,
    retryAt: until,
  });
}

/** The one that was kept aside for the subject: the first kind before the second, the newest where there are several. */
export async function asideOf({ records }: FlowParts, subject: string, call: Call): Promise<AsideRecord | undefined> {
  const all = (await records.asides.list(call)).map((entry) => entry.value);
  const wanted = subject.toLowerCase();
  const found = all.filter(({ intent }) => intent.names[0] === wanted);
  const isSecond = ({ intent }: AsideRecord): number => intent.twinOf === undefined ? 0 : 1;
  return found.sort((a, b) => isSecond(a) - isSecond(b) || b.at.getTime() - a.at.getTime())[0];
}

/**
 * Makes a certificate current that was kept aside. It is judged again first: it may have expired since.
 *
 * @throws {SidecarError} `CERTIFICATE_REJECTED` if there is a reason that nobody can pass over.
 */
export async function acceptAside(parts: FlowParts, aside: AsideRecord, call: Call): Promise<CertificateRecord> {
  const { vault, records, clock, events } = parts;
  const { intent, directory, account, order } = aside;
  const { secretName, names } = intent;
  if (!isOverridable(aside.reasons)) throw unacceptable(aside, aside.reasons);
  const sealed = await vault.read(asideName(secretName), call);
  if (sealed === undefined) throw new SidecarError("NOT_FOUND", `The vault has nothing aside for ${names[0]}`);
  const { chain, bundle } = await appraiseBundle(await readBundle(`${sealed.value}\n`, "certificate"));
  const now = clock.now();
  const verdict = judge({ chain, names: intent.names, directory }, await standing(parts, intent, call), now);
  const reasons = verdict.do === "keep aside" ? verdict.reasons : [];
  if (!isOverridable(reasons)) throw unacceptable(aside, reasons);
  const warnings = [...reasons, ...verdict.do === "swap" ? [] : verdict.warnings];
  const held: CertificateRecord = {
    intent,
    facts: bundle.facts,
    origin: "ca",
    directory,
    account,
    order,
    storedAt: now,
    ...given("warnings", warnings.length === 0 ? undefined : warnings),
  };
  await vault.write(bundleWrites(secretName, bundle, intent.certType), call);
  await records.certificates.put(secretName, held, call);
  await records.attempts.remove(secretName, call);
  await clearAside(parts, secretName, call);
  events.emit({
    level: "warn",
    name: "certificate.accepted",
    text: `Certificate for ${names.join(", ")} was kept aside, and taken by order`,
    fields: { subject: names[0], serial: bundle.facts.serial, secret: secretName },
  });
  tellWarnings(parts, intent, warnings);
  return held;
}

/** Forgets the one that was kept aside: there is a better one, or nobody wants any. */
export async function clearAside({ vault, records }: FlowParts, secretName: SecretName, call: Call): Promise<void> {
  if (await records.asides.get(secretName, call) === undefined) return;
  await vault.remove(asideName(secretName), { ...call, mayWait: true });
  await records.asides.remove(secretName, call);
}

/** Finishes what a restart interrupted: one that is older than the one in use is not wanted any more. */
export async function sweepAsides(parts: FlowParts, call: Call): Promise<void> {
  for (const { value: { intent: { secretName }, at } } of await parts.records.asides.list(call)) {
    const held = (await parts.records.certificates.get(secretName, call))?.value;
    if (held !== undefined && held.storedAt >= at) await clearAside(parts, secretName, call);
  }
}

function unacceptable(
  { intent: { names } }: AsideRecord,
  reasons: AsideRecord["reasons"] | readonly never[],
): SidecarError {
  const bad = reasons.filter((it) => !isOverridable([it]));
  const [first] = bad;
  const found = `The certificate that is kept aside for ${names[0]} cannot be accepted: ${
    bad.map((it) => it.found).join("; ")
  }`;
  return new SidecarError("CERTIFICATE_REJECTED", found, {
    field: "certificate",
    ...given("todo", first === undefined ? undefined : todoOf(first.name)),
  });
}
