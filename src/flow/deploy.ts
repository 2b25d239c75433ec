import { attemptWait } from "../model/backoff.ts";
import { KEY_TYPES } from "../model/key_type.ts";
import type { CertificateFacts } from "../model/certificate.ts";
import { sameNames } from "../model/dns_name.ts";
import { codeOf, describe, type ErrorCode, hopOf, isVaultAway, SidecarError } from "../model/errors.ts";
import type { CertificateRecord, DeploymentRecord, Intent } from "../model/records.ts";
import { bundleFile } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import { heldOver, lastServed } from "../model/stand_in.ts";
import { deploymentId } from "../ledger/records.ts";
import { readStoredBundle } from "../vault/certificate_secrets.ts";
import type { Call, Candidate, LoadBalancer, ServedCall } from "../ports.ts";
import { readBundle } from "../x509/bundle.ts";
import { tellDropped } from "./dropped_names.ts";
import type { FlowParts } from "./parts.ts";
import { quietly } from "./quietly.ts";

/** What a balancer refuses it will refuse again, so it is not asked more often than this. */
const HOLD_MS = 60 * 60_000;
/** With these nothing was begun: the balancer does not answer, or is not wired yet. */
const UNTOUCHED: readonly ErrorCode[] = ["BALANCER_UNREACHABLE", "BALANCER_CONFIG"];
/** It may only just be starting; after that it is tried each minute. */
const AWAY_MS = 5_000;
/** So much longer may it be, that many do not come back at once. */
const SPREAD = 0.1;

/**
 * Swaps what the vault holds of a certificate into one balancer. One that refuses goes on with what it has; the reason is
 * recorded, and until when it is left alone.
 *
 * @returns What the balancer does with it now.
 */
export async function deploy(
  parts: FlowParts,
  record: CertificateRecord,
  balancer: string,
  call: Call,
): Promise<DeploymentRecord> {
  const candidate = await candidateOf(parts, record, call).catch((error: unknown) => {
    if (!isVaultAway(error)) throw error;
    return error; // it is held as by a balancer that refuses, and tried again
  });
  return await deployTo(parts, record, candidate, balancer, call);
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
  const { fingerprint } = candidate instanceof SidecarError ? record.facts : candidate.bundle.facts;
  const about = { balancer: name, secretName, fingerprint, at: parts.clock.now() };
  const before = (await parts.records.deployments.get(deploymentId(name, secretName), call))?.value;
  let outcome: DeploymentRecord;
  try {
    if (candidate instanceof SidecarError) throw candidate;
    const balancer = balancerOf(parts, name);
    await checkNotWorse(balancer, candidate, about.at, { ...call, family: KEY_TYPES[record.intent.keyType].family });
    const { kind, shadowed } = await balancer.swap(candidate, call);
    outcome = { ...about, state: "served", shadowed };
    if (kind !== "unchanged") tellServed(parts, record.intent, candidate.bundle.facts, outcome, kind);
  } catch (error) {
    if (call.signal.aborted) throw error;
    outcome = { ...about, state: "held", reason: describe(error), ...await heldBy(parts, about, before, error, call) };
    tellHeld(parts, outcome, before, codeOf(error));
  }
  await parts.records.deployments.put(deploymentId(name, secretName), outcome, call);
  const served = lastServed(before)?.fingerprint;
  const replaced = served !== undefined && served !== fingerprint;
  if (outcome.state === "served" && replaced && !(candidate instanceof SidecarError)) {
    const { names } = candidate.bundle.facts;
    const former = { balancer: name, secretName, fingerprint: served };
    await quietly(parts, "certificate.unseen", () => tellDropped(parts, former, names, call), call);
  }
  return outcome;
}

/** What has expired in the vault is not swapped over what somebody has put in its place and is still valid. */
async function checkNotWorse(
  balancer: LoadBalancer,
  { bundle }: Candidate,
  now: Date,
  call: ServedCall,
): Promise<void> {
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
    hop: "vault",
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

type Held = DeploymentRecord & { readonly state: "held" };

/** Tells whether nothing was begun: then it is no fault of the version that it is not served. */
export function isUntouched(error: unknown): boolean {
  return isVaultAway(error) || (error instanceof SidecarError && UNTOUCHED.includes(error.code));
}

/**
 * What lets go of a version that was refused: an hour, or a change of the balancer. Where nothing was begun, it is soon tried
 * again.
 */
async function heldBy(
  { balancers, clock }: FlowParts,
  about: Pick<DeploymentRecord, "balancer" | "fingerprint">,
  before: DeploymentRecord | undefined,
  error: unknown,
  call: Call,
): Promise<Omit<Held, "balancer" | "secretName" | "fingerprint" | "at" | "state" | "reason">> {
  const again = before?.state === "held" && before.fingerprint === about.fingerprint;
  const untouched = isUntouched(error);
  const sign = await balancers.get(about.balancer)?.sign(call).catch(() => undefined);
  call.signal.throwIfAborted();
  const refused = error instanceof SidecarError || again; // a fault of ours is tried once more before that
  const soon = untouched && !again ? AWAY_MS : attemptWait(1, clock.random());
  const wait = untouched || !refused ? soon : HOLD_MS * (1 + SPREAD * clock.random());
  const until = new Date(clock.now().getTime() + Math.round(wait));
  const hop = hopOf(error) ?? (isVaultAway(error) ? "vault" : "balancer");
  const byBalancer = refused && !untouched && hop !== "vault";
  return { until, hop, ...given("sign", sign), ...heldOver(before, about.fingerprint, byBalancer) };
}

/** What is refused again for the same reason is no news. */
function tellHeld(
  { events }: FlowParts,
  { balancer, secretName, reason, hop = "balancer" }: Held,
  before: DeploymentRecord | undefined,
  code: string,
): void {
  events.emit({
    level: before?.state === "held" && before.reason === reason ? "debug" : "error",
    name: "certificate.held",
    text: `${balancer} does not serve ${secretName}: ${reason}`,
    fields: { balancer, secret: secretName, hop, code },
  });
}

function tellServed(
  { events }: FlowParts,
  intent: Intent,
  facts: CertificateFacts,
  outcome: DeploymentRecord & { readonly state: "served" },
  kind: "replaced" | "added",
): void {
  const fields = { balancer: outcome.balancer, secret: intent.secretName, serial: facts.serial };
  // What somebody has put into the vault may be for others.
  const names = sameNames(intent.names, facts.names) ? intent.names : facts.names;
  events.emit({
    level: "info",
    name: "certificate.served",
    text: `${outcome.balancer} serves the certificate for ${names.join(", ")} (${kind}, serial ${facts.serial})`,
    fields,
  });
  for (const { name, by } of outcome.shadowed) {
    const text = `${outcome.balancer} answers ${name} with ${by ?? "another certificate"}, not with ours`;
    events.emit({ level: "warn", name: "certificate.shadowed", text, fields: { ...fields, name } });
  }
}
