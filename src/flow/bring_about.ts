import { nameSet } from "../model/dns_name.ts";
import { OrderParkedError } from "../model/errors.ts";
import type { CertificateRecord, Intent } from "../model/records.ts";
import { given } from "../model/shape.ts";
import type { Call } from "../ports.ts";
import { forgetLostAccount } from "./account.ts";
import { claimAwaited, wish } from "./by_hand.ts";
import { issue } from "./issue.ts";
import type { FlowParts } from "./parts.ts";
import type { Preference, ProofParts } from "./proof.ts";
import type { HeldCertificate, IssueRequest } from "./service.ts";
import { checkTwin } from "./twins.ts";
import { working, type Workshop } from "./workshop.ts";

/** How a certificate is brought about. */
export interface Manner extends Pick<Preference, "first"> {
  /** Somebody asked for it, perhaps at once. */
  readonly person?: Required<Pick<IssueRequest, "now">>;
  /** Limits of our own are passed over; unless told, where a person wants it at once. */
  readonly insists?: boolean;
}

/** Brings a certificate about and swaps it in. */
export function bringAbout(shop: Workshop, intent: Intent, manner: Manner, call: Call): Promise<HeldCertificate> {
  const { first, person, insists = person?.now } = manner;
  const preference = preferenceOf(shop.parts, intent, first);
  const work = async (given: ProofParts, own: Call): Promise<CertificateRecord> => {
    await checkTwin(shop.parts, intent, own);
    const proof = insists === true ? insisting(given) : given;
    return person === undefined
      ? await issue(proof, intent, preference, own)
      : await issueFor(proof, intent, preference, own);
  };
  return fly(shop, intent, (own) => working(shop, (proof) => work(proof, own), own), call, insists);
}

/** One flight an intent; two intents for the same names take turns, as a CA gives both the same order. */
export function fly(
  { parts, flights, turns, swaps }: Workshop,
  intent: Intent,
  work: (call: Call) => Promise<CertificateRecord>,
  call: Call,
  now = false,
): Promise<HeldCertificate> {
  const names = nameSet(intent.names);
  const { keyType, secretName, certType, balancers } = intent;
  const flight = [now ? "issue now" : "issue", names, keyType, secretName, certType, ...balancers].join(" ");
  return flights.join(flight, async (own) => {
    const record = await turns.take(names, () => work(own), own).catch(async (error: unknown) => {
      await forgetLostAccount(parts, error, own);
      throw error;
    });
    return await swaps.redeploy(record, own);
  }, call);
}

/** The ways to prove the names of an intent. */
export function preferenceOf({ settings }: FlowParts, { balancers }: Intent, first: Preference["first"]): Preference {
  return { types: settings.challenges, ...given("balancer", balancers[0]), first };
}

/** A person may come late, when the keeper has done it, or early, when records are missing. */
async function issueFor(
  proof: ProofParts,
  intent: Intent,
  preference: Preference,
  call: Call,
): Promise<CertificateRecord> {
  try {
    return await claimAwaited(proof, intent, call) ?? await issue(proof, intent, preference, call);
  } catch (error) {
    if (error instanceof OrderParkedError) await wish(proof, intent, call);
    throw error;
  }
}

/** The same with an account that no limit of our own holds back. */
function insisting(proof: ProofParts): ProofParts {
  const { authority } = proof.account;
  return { ...proof, account: { ...proof.account, authority: authority.insisting ?? authority } };
}
