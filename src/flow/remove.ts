import { describe, InUseError, SidecarError } from "../model/errors.ts";
import type { DnsName } from "../model/dns_name.ts";
import type { AuthorizationRecord, CertificateRecord, DeploymentRecord } from "../model/records.ts";
import { bundleFile, certificateSecrets, orderKeyName, type SecretName } from "../model/secret_name.ts";
import { twinNames } from "../model/twins.ts";
import { deploymentId } from "../ledger/records.ts";
import type { Call, LoadBalancer } from "../ports.ts";
import { type Answers, recordId } from "./answers.ts";
import { clearAside } from "./aside.ts";
import { throwAll } from "./failure.ts";
import type { FlowParts } from "./parts.ts";

/**
 * Removes a certificate and its second kind: with `force` from the balancers first, then its secrets, the bundle at the head,
 * and what the ledger knows of it, the record last; so a removal that was interrupted is found again and finished by the next
 * one.
 *
 * @param pair The first kind last: it is what a subject is found by.
 * @throws {InUseError} If balancers have one of them and `force` is not set; nothing was changed then.
 */
export async function removeCertificates(
  parts: FlowParts,
  pair: readonly CertificateRecord[],
  { force }: { readonly force: boolean },
  call: Call,
): Promise<void> {
  const deployed = await Promise.all(pair.map((it) => deploymentsOf(parts, it.intent.secretName, call)));
  const having = new Set(deployed.flatMap((deployments) => askable(parts, deployments)));
  if (having.size > 0 && !force) throw new InUseError([...having]);
  for (const record of pair) await removeCertificate(parts, record, call);
}

async function removeCertificate(parts: FlowParts, record: CertificateRecord, call: Call): Promise<void> {
  const { secretName, names, balancers } = record.intent;
  const deployments = await deploymentsOf(parts, secretName, call);
  await takeOut(parts, secretName, new Set([...askable(parts, deployments), ...balancers]), call);
  await forgetLeftTwins(parts, record, call);
  const { bundle, certificate, privateKey } = certificateSecrets(secretName);
  for (const name of [bundle, privateKey, certificate]) await parts.vault.remove(name, call);
  await forget(parts, secretName, deployments, call);
  parts.events.emit({
    level: "info",
    name: "certificate.removed",
    text: `Certificate for ${names.join(", ")} was removed`,
    fields: { subject: names[0], secret: secretName },
  });
}

/** A balancer that is not configured any more cannot be asked, and is not ours to look after. */
function askable({ balancers }: FlowParts, deployments: readonly DeploymentRecord[]): readonly string[] {
  return deployments.map((it) => it.balancer).filter((name) => balancers.has(name));
}

/** What was under way for a second kind that is not held would bring it about after all. */
async function forgetLeftTwins(parts: FlowParts, { intent }: CertificateRecord, call: Call): Promise<void> {
  if (intent.twinOf !== undefined) return;
  for (const name of twinNames(intent.secretName)) {
    if (await parts.records.certificates.get(name, call) === undefined) await forget(parts, name, [], call);
  }
}

/**
 * Removes what is known of a name's authorization and takes its answer down. The CA's own authorization is left to expire: a
 * pending one that is deactivated would count as a failed validation.
 *
 * @returns Whether there was one.
 */
export async function removeAuthorization(
  parts: FlowParts,
  answers: Answers,
  name: DnsName,
  call: Call,
): Promise<boolean> {
  const all = (await parts.records.authorizations.list(call)).map((entry) => entry.value);
  const found = all.filter((record) => record.name === name);
  for (const record of found) await removeOne(parts, answers, record, call);
  return found.length > 0;
}

/** Forgets unfinished orders: one of them would bring a certificate about that nobody wants any more. */
export async function forgetOrders({ records, vault }: FlowParts, secretName: SecretName, call: Call): Promise<void> {
  for (const { value: { id, intent } } of await records.orders.list(call)) {
    if (intent?.secretName !== secretName) continue;
    await vault.remove(orderKeyName(id), call);
    await records.orders.remove(id, call);
  }
}

async function removeOne(parts: FlowParts, answers: Answers, record: AuthorizationRecord, call: Call): Promise<void> {
  const { authorizations } = parts.records;
  if (record.presented) await answers.withdraw(record);
  if ((await authorizations.get(recordId(record), call))?.value.presented === true) throw stillUp(record);
  await forgetCarrier(parts, record, call);
  await authorizations.remove(recordId(record), call);
  parts.events.emit({
    level: "info",
    name: "authorization.removed",
    text: `Domain authorization for ${record.name} (${record.type}) was removed`,
    fields: { domain: record.name, type: record.type },
  });
}

/** An order that was placed only to carry the authorization has no other use. */
async function forgetCarrier({ records }: FlowParts, { order: url }: AuthorizationRecord, call: Call): Promise<void> {
  const all = (await records.orders.list(call)).map((entry) => entry.value);
  const carrier = all.find((it) => it.step === "ordered" && it.intent === undefined && it.url.href === url.href);
  if (carrier !== undefined) await records.orders.remove(carrier.id, call);
}

function stillUp({ name, type, balancer }: AuthorizationRecord): SidecarError {
  const where = balancer === undefined ? "" : ` at ${balancer}`;
  return new SidecarError("BALANCER_UNREACHABLE", `Cannot take down the ${type} answer for ${name}${where}`, {
    field: "linked_service",
    todo: "bring the load balancer back and repeat the command",
  });
}

/** All balancers at once; where one refuses, the certificate stays and the others have given it up. */
async function takeOut(
  parts: FlowParts,
  secretName: SecretName,
  names: ReadonlySet<string>,
  call: Call,
): Promise<void> {
  const linked = [...names].map((name) => parts.balancers.get(name)).filter((it) => it !== undefined);
  throwAll(await Promise.allSettled(linked.map((balancer) => takeOutOf(parts, balancer, secretName, call))));
}

/** Stops one balancer from serving the certificate. */
export async function takeOutOf(
  { records, events }: FlowParts,
  balancer: LoadBalancer,
  secretName: SecretName,
  call: Call,
): Promise<void> {
  const { name } = balancer;
  try {
    await balancer.remove(bundleFile(secretName), call);
  } catch (cause) {
    if (call.signal.aborted) throw cause;
    const code = cause instanceof SidecarError ? cause.code : "BALANCER_UNREACHABLE";
    throw new SidecarError(code, `Cannot take ${secretName} out of ${name}: ${describe(cause)}`, {
      cause,
      field: "linked_service",
    });
  }
  await records.deployments.remove(deploymentId(name, secretName), call);
  const text = `${name} does not serve ${secretName} any more`;
  events.emit({ level: "info", name: "certificate.withdrawn", text, fields: { balancer: name, secret: secretName } });
}

async function forget(
  parts: FlowParts,
  secretName: SecretName,
  deployments: readonly DeploymentRecord[],
  call: Call,
): Promise<void> {
  const { records } = parts;
  await forgetOrders(parts, secretName, call);
  for (const { balancer } of deployments) await records.deployments.remove(deploymentId(balancer, secretName), call);
  await records.attempts.remove(secretName, call);
  await records.renewals.remove(secretName, call);
  await clearAside(parts, secretName, call);
  await records.certificates.remove(secretName, call);
}

async function deploymentsOf(
  { records }: FlowParts,
  secretName: SecretName,
  call: Call,
): Promise<readonly DeploymentRecord[]> {
  const all = (await records.deployments.list(call)).map((entry) => entry.value);
  return all.filter((it) => it.secretName === secretName);
}
