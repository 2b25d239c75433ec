import { nameSet } from "../model/dns_name.ts";
import type { Intent } from "../model/records.ts";
import { defaultSecretName } from "../model/secret_name.ts";
import { twinFor } from "../model/twins.ts";
import type { Call } from "../ports.ts";
import { isOpen } from "./answers.ts";
import { bringAbout, type Manner } from "./bring_about.ts";
import { putAnswered } from "./by_hand.ts";
import { balancersAsked, checkBalancers, onlyBalancer } from "./choose_balancer.ts";
import { currentRecord, shown } from "./held.ts";
import type { Certificates } from "./inner_service.ts";
import { knownRecords, linksOf, requireRecords } from "./issue.ts";
import type { Preference, ProofParts } from "./proof.ts";
import { BY_COMMAND, releaseNames } from "./quarantine.ts";
import type { HeldCertificate, IssueRequest } from "./service.ts";
import { noteTwinFailure, waitingTwin } from "./twins.ts";
import { proofOf, type Workshop } from "./workshop.ts";

/** Certificates that a person asks for. */
export function byCommand(shop: Workshop): Pick<Certificates, "get" | "request"> {
  return {
    get(request: IssueRequest, call: Call): Promise<HeldCertificate> {
      return issueFor(shop, request, async (proof, own) => {
        await requireRecords(proof, request.domains, own);
        return { links: await linksOf(proof, request.domains, own), first: "record" };
      }, call);
    },

    request(request: IssueRequest, call: Call): Promise<HeldCertificate> {
      return issueFor(shop, request, async (proof, own) => {
        const known = await knownRecords(proof, request.domains, own);
        const live = known.filter((it) => it.state === "validated" || isOpen(it, proof.clock.now()));
        const links = balancersAsked(proof, request) ?? await linksOf(proof, request.domains, own);
        return {
          links: links.length > 0 ? links : onlyBalancer(proof),
          first: live.length === request.domains.length ? "record" : "automatic",
        };
      }, call);
    },
  };
}

/** Where a certificate shall be served, and how its names are proven. */
interface Decision extends Pick<Preference, "first"> {
  readonly links: readonly string[];
}

/** Finds out where the certificate shall be served, then brings it about. */
async function issueFor(
  shop: Workshop,
  request: IssueRequest,
  decide: (proof: ProofParts, call: Call) => Promise<Decision>,
  call: Call,
): Promise<HeldCertificate> {
  const { parts } = shop;
  const { domains, secretName, certType, keyType, now = false } = request;
  const { links, first } = await decide(await proofOf(shop, call), call);
  await checkBalancers(parts, links, call);
  await releaseNames(parts, domains, BY_COMMAND, call);
  const intent: Intent = {
    names: domains,
    keyType: keyType ?? parts.settings.keyTypes[0],
    secretName: secretName ?? defaultSecretName(domains[0]),
    certType: certType ?? "fullchain",
    balancers: links,
  };
  const manner: Manner = { first, person: { now } };
  const waiting = await waitingTwin(parts, intent, call);
  if (waiting !== undefined) {
    await bringAbout(shop, waiting.twin, manner, call);
    await parts.records.attempts.remove(waiting.twin.secretName, call);
    return await shown(parts, waiting.first, call);
  }
  const begun = parts.clock.now();
  const { record } = await bringAbout(shop, intent, manner, call);
  // Where the first was there already, for a person who comes late, so may be the second.
  await bringTwinAbout(shop, intent, manner, record.storedAt < begun, call);
  const held = await shown(parts, record, call);
  return held.record.intent.awaited === true ? await answeredNow(shop, held, call) : held;
}

/** The second kind comes after the first, in an order of its own; its failure takes nothing back. */
async function bringTwinAbout(
  shop: Workshop,
  intent: Intent,
  manner: Manner,
  onlyMissing: boolean,
  call: Call,
): Promise<void> {
  const { parts } = shop;
  const twin = twinFor(intent, parts.settings.keyTypes);
  if (twin === undefined) return;
  if (onlyMissing && await currentRecord(parts, twin.secretName, call) !== undefined) return;
  try {
    await bringAbout(shop, twin, manner, call);
    await parts.records.attempts.remove(twin.secretName, call);
  } catch (error) {
    call.signal.throwIfAborted();
    await noteTwinFailure(parts, twin, error, call);
  }
}

/** Who joined the keeper on its way has the answer. */
function answeredNow({ parts, turns }: Workshop, held: HeldCertificate, call: Call): Promise<HeldCertificate> {
  const { intent, facts } = held.record;
  return turns.take(nameSet(intent.names), async () => {
    const now = await currentRecord(parts, intent.secretName, call);
    const same = now?.facts.fingerprint === facts.fingerprint;
    return same ? { ...held, record: await putAnswered(parts, held.record, call) } : held;
  }, call);
}
