import { attemptWait } from "../model/backoff.ts";
import { codeOf, describe, isVaultAway, SidecarError } from "../model/errors.ts";
import type { CertificateRecord, DeploymentRecord } from "../model/records.ts";
import { bundleFile, type SecretName } from "../model/secret_name.ts";
import { deploymentId } from "../ledger/records.ts";
import { readStoredBundle } from "../vault/certificate_secrets.ts";
import type { Call, Candidate, LoadBalancer } from "../ports.ts";
import { readBundle } from "../x509/bundle.ts";
import type { FlowParts } from "./parts.ts";

/**
 * Swaps a certificate that is in the vault into its balancers, all at once, each on its own. A balancer that refuses goes on
 * with what it has; the reason is recorded, and when it is tried again.
 *
 * @returns What each balancer does with it now.
 */
export async function deploy(
  parts: FlowParts,
  record: CertificateRecord,
  call: Call,
): Promise<readonly DeploymentRecord[]> {
  if (record.intent.balancers.length === 0) return [];
  const candidate = await candidateOf(parts, record, call).catch((error: unknown) => {
    if (!isVaultAway(error)) throw error;
    return error; // it is held as by a balancer that refuses, and tried again
  });
  return await Promise.all(record.intent.balancers.map((name) => deployTo(parts, record, candidate, name, call)));
}

/** The bundle as the vault holds it: that, and nothing in memory, is what a balancer gets. */
async function candidateOf(parts: FlowParts, record: CertificateRecord, call: Call): Promise<Candidate> {
  const { secretName } = record.intent;
  const stored = await readStoredBundle(parts.vault, secretName, call);
  if (stored === undefined) {
    throw new SidecarError("NOT_FOUND", `The vault has no bundle ${secretName}_BUNDLE`, {
      field: "certificate",
      todo: "get the certificate again",
    });
  }
  return { file: bundleFile(secretName), bundle: await readBundle(stored) };
}

async function deployTo(
  parts: FlowParts,
  record: CertificateRecord,
  candidate: Candidate | SidecarError,
  name: string,
  call: Call,
): Promise<DeploymentRecord> {
  const { secretName } = record.intent;
  const { fingerprint } = record.facts;
  const about = { balancer: name, secretName, fingerprint, at: parts.clock.now() };
  let outcome: DeploymentRecord;
  try {
    if (candidate instanceof SidecarError) throw candidate;
    const balancer = balancerOf(parts, name);
    await checkNotWorse(balancer, candidate, about.at, call);
    const { kind, shadowed } = await balancer.swap(candidate, call);
    outcome = { ...about, state: "served", shadowed };
    if (kind !== "unchanged") tellServed(parts, record, outcome, kind);
  } catch (error) {
    if (call.signal.aborted) throw error;
    const until = await heldUntil(parts, about, error, call);
    outcome = { ...about, state: "held", reason: describe(error), until };
    const text = `${name} does not serve ${secretName}: ${outcome.reason}`;
    parts.events.emit({
      level: "error",
      name: "certificate.held",
      text,
      fields: { balancer: name, secret: secretName, code: codeOf(error) },
    });
  }
  await parts.records.deployments.put(deploymentId(name, secretName), outcome, call);
  return outcome;
}

/** What has expired in the vault is not swapped over what somebody has put in its place and is still valid. */
async function checkNotWorse(balancer: LoadBalancer, { bundle }: Candidate, now: Date, call: Call): Promise<void> {
  const { names, notAfter, fingerprint } = bundle.facts;
  if (notAfter > now) return;
  const served = await balancer.served(names, call).catch(() => []); // who does not answer has nothing to lose
  call.signal.throwIfAborted();
  const valid = served.find((it) => it.fingerprint !== fingerprint && it.notAfter !== undefined && it.notAfter > now);
  if (valid === undefined) return;
  const found = `it expired at ${notAfter.toISOString()}, and ${valid.name} is answered with one that is valid until`;
  throw new SidecarError("SWAP_REJECTED", `${found} ${valid.notAfter?.toISOString()} (serial ${valid.serial})`, {
    field: "certificate",
    todo: "get or import a certificate that is valid",
  });
}

function balancerOf({ balancers }: FlowParts, name: string): LoadBalancer {
  const balancer = balancers.get(name);
  if (balancer !== undefined) return balancer;
  const known = [...balancers.keys()].join(", ") || "none";
  throw new SidecarError("BALANCER_CONFIG", `There is no load balancer ${name} (configured: ${known})`, {
    field: "linked_service",
    todo: "name it in LOAD_BALANCERS",
  });
}

/** A minute at first, an hour when the same version was refused before; one that is away may be back at any time. */
async function heldUntil(
  { records, clock }: FlowParts,
  about: {
    readonly balancer: string;
    readonly secretName: SecretName;
    readonly fingerprint: string;
    readonly at: Date;
  },
  error: unknown,
  call: Call,
): Promise<Date> {
  const before = (await records.deployments.get(deploymentId(about.balancer, about.secretName), call))?.value;
  const away = isVaultAway(error) || (error instanceof SidecarError && error.code === "BALANCER_UNREACHABLE");
  const again = !away && before?.state === "held" && before.fingerprint === about.fingerprint;
  return new Date(about.at.getTime() + attemptWait(again ? 5 : 1, clock.random()));
}

function tellServed(
  { events }: FlowParts,
  { intent, facts }: CertificateRecord,
  outcome: DeploymentRecord & { readonly state: "served" },
  kind: "replaced" | "added",
): void {
  const fields = { balancer: outcome.balancer, secret: intent.secretName, serial: facts.serial };
  events.emit({
    level: "info",
    name: "certificate.served",
    text: `${outcome.balancer} serves the certificate for ${intent.names.join(", ")} (${kind}, serial ${facts.serial})`,
    fields,
  });
  for (const { name, by } of outcome.shadowed) {
    const text = `${outcome.balancer} answers ${name} with ${by ?? "another certificate"}, not with ours`;
    events.emit({ level: "warn", name: "certificate.shadowed", text, fields: { ...fields, name } });
  }
}
