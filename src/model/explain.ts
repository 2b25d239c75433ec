import type { ByHand } from "./by_hand.ts";
import type { DnsName } from "./dns_name.ts";
import type { ErrorCode } from "./errors.ts";
import { FAILURE_CLASSES } from "./failure_classes.ts";
import type { KeyType } from "./key_type.ts";
import type {
  AsideRecord,
  AttemptRecord,
  CertificateRecord,
  DeploymentRecord,
  OrderRecord,
  OrderStep,
} from "./records.ts";
import { RENEWAL_REASONS, type RenewalDate } from "./renewal.ts";
import { certificateSecrets } from "./secret_name.ts";
import { given } from "./shape.ts";

/** All that is known of one certificate. */
export interface Known {
  /** Its first name. */
  readonly subject: DnsName;
  /** What is in the vault, and what becomes of it. */
  readonly held?: {
    readonly record: CertificateRecord;
    readonly deployments: readonly DeploymentRecord[];
    readonly byHand?: ByHand;
    readonly renewal?: RenewalDate;
    readonly aside?: AsideRecord;
    readonly twin?:
      & { readonly reason?: string; readonly until?: Date }
      & (
        | { readonly state: "held"; readonly certificate: { readonly record: CertificateRecord } }
        | { readonly state: "missing"; readonly keyType: KeyType }
      );
  };
  /** An order for it that is not finished. */
  readonly order?: OrderRecord;
  /** The command of a person whose DNS records are missing, for a certificate that only waits for them. */
  readonly waits?: string;
  /** How the last attempts went. */
  readonly attempt?: AttemptRecord;
  /** What holds it back of its names, and what helps, without a period; see `heldBy`. */
  readonly hold?: string;
  /** How the account at the CA ended, if it did, without a period. */
  readonly closed?: string;
  /** The moment of the question. */
  readonly now: Date;
}

/** What is said of it: sentences for people, and the last failure for machines as well. */
export interface Explanation {
  /** What is held. */
  readonly held: string;
  /** What is served, a sentence a load balancer. */
  readonly served: readonly string[];
  /** What happens next, and when. */
  readonly next: string;
  /** What failed last. */
  readonly failed?: ExplainedFailure;
}

/** A failure with its class. */
export interface ExplainedFailure {
  /** The class, as in log and metrics; absent for what has none. */
  readonly code?: ErrorCode;
  /** The whole sentence. */
  readonly text: string;
  /** What helps. */
  readonly todo: string;
}

/** Explains in plain sentences how it stands with a certificate. */
export function explain(known: Known): Explanation {
  return {
    held: heldText(known),
    served: [...servedTexts(known), ...formerTexts(known)],
    next: nextText(known),
    ...given("failed", failureOf(known)),
  };
}

function heldText({ subject, held, now }: Known): string {
  if (held === undefined) return `No certificate for ${subject} is held.`;
  const { facts, intent, origin, revoked } = held.record;
  const end = facts.notAfter <= now ? "expired at" : "valid until";
  const from = origin === "imported" ? "was imported" : `was issued by ${facts.issuer}`;
  const names = facts.names.length === 1 ? "" : ` for ${facts.names.join(", ")}`;
  const gone = revoked === undefined ? "" : ` It was revoked at ${iso(revoked.at)} (${revoked.reason}).`;
  return `The certificate${names || ` for ${subject}`} ${from}, ${end} ${iso(facts.notAfter)} (${
    distance(facts.notAfter, now)
  }),` +
    ` kept as ${certificateSecrets(intent.secretName).bundle}.${gone}${asideText(held.aside)}${
      twinText(held.twin, now)
    }`;
}

function twinText(twin: NonNullable<Known["held"]>["twin"], now: Date): string {
  if (twin === undefined) return "";
  const { reason, until } = twin;
  const next = until === undefined || until <= now ? "" : ` It is tried again at ${iso(until)}.`;
  if (twin.state === "held") {
    const { intent: { keyType, secretName }, facts: { notAfter } } = twin.certificate.record;
    const end = notAfter <= now ? "expired at" : "valid until";
    return ` Beside it there is one with an ${keyType} key, ${end} ${iso(notAfter)} (${distance(notAfter, now)}),` +
      ` kept as ${certificateSecrets(secretName).bundle}.` +
      (reason === undefined ? "" : ` The last attempt at a newer one failed: ${reason}.${next}`);
  }
  const why = reason === undefined ? "" : `: ${reason}`;
  return ` One with an ${twin.keyType} key is wanted beside it and not there yet${why}.${next}`;
}

function asideText(aside: AsideRecord | undefined): string {
  if (aside === undefined) return "";
  const why = aside.reasons.map(({ found }) => found).join("; ");
  return ` A newer one is kept aside since ${iso(aside.at)}: ${why}. No other is ordered by itself before ${
    iso(aside.until)
  }.`;
}

function servedTexts({ held }: Known): readonly string[] {
  if (held === undefined) return [];
  const { record, deployments } = held;
  if (record.intent.balancers.length === 0) return ["No load balancer is to serve it; it is only kept in the vault."];
  return record.intent.balancers.map((balancer) => {
    const found = deployments.find((it) => it.balancer === balancer);
    if (found === undefined) return `${balancer} has not been given it yet.`;
    if (found.state === "held") {
      const which = found.fingerprint === record.facts.fingerprint ? "it" : "an earlier version of it";
      const { reason, until, standIn } = found;
      const meanwhile = standIn === undefined
        ? ""
        : ` Until then an earlier version is served there, seen at ${iso(standIn.at)}.`;
      return `${balancer} does not serve ${which}: ${reason}. It is tried again at ${iso(until)}.${meanwhile}`;
    }
    if (found.fingerprint !== record.facts.fingerprint) return `${balancer} serves an earlier version of it.`;
    const shadowed = found.shadowed.map(({ name, by }) => `${name} is answered by ${by ?? "another certificate"}`);
    return shadowed.length === 0
      ? `${balancer} serves it, proven at ${iso(found.at)}.`
      : `${balancer} serves it, but ${shadowed.join(", ")}.`;
  });
}

/** Balancers that have it from before it was linked with others. */
function formerTexts({ held }: Known): readonly string[] {
  if (held === undefined) return [];
  const { record: { intent: { balancers } }, deployments } = held;
  const next = balancers.length === 0 ? "" : " It gives that up once the others serve it, unless that is its default.";
  return deployments
    .filter((it) => it.state === "served" && !balancers.includes(it.balancer))
    .map((it) => `${it.balancer} still has what it was given while the certificate was linked with it.${next}`);
}

function nextText(known: Known): string {
  const { held, order, waits, subject, closed, now } = known;
  if (closed !== undefined) return `Nothing until there is another account. ${closed}.`;
  if (waits !== undefined) return waitsText(waits, held?.byHand);
  if (order !== undefined) return `${ORDER_TEXTS[order.step]}.${again(known)}`;
  if (held === undefined) return `It is brought about.${again(known)}`;
  const { renewal, byHand } = held;
  if (renewal === undefined) return `It is not renewed: remove it with kontena certificate remove ${subject}.`;
  if (byHand !== undefined) return handText(byHand);
  const when = renewal.at <= now ? "is due since" : "is renewed at";
  return `It ${when} ${iso(renewal.at)} (${RENEWAL_REASONS[renewal.why]}).${again(known)}`;
}

function waitsText(command: string, hand: ByHand | undefined): string {
  const end = hand === undefined ? "" : ` The one that is held ends at ${iso(hand.until)}.`;
  return `It is got once DNS shows the records that a person has to set: ${command} shows them.${end}`;
}

function handText({ from, until, todo }: ByHand): string {
  return `It is not renewed by itself: from ${iso(from)} on, and at the latest ${iso(until)}, ${todo}.`;
}

/** What an order waits for, a sentence for each step. */
const ORDER_TEXTS: Readonly<Record<OrderStep, string>> = {
  intended: "An order is written down and about to be placed",
  ordered: "An order is placed, and its names are being proven",
  parked: "An order waits for DNS records that a person has to set: kontena certificate get shows them",
  finalizing: "An order is with the CA, which makes the certificate",
  issued: "A certificate is issued and about to be downloaded",
};

function again({ attempt, hold, now }: Known): string {
  if (hold !== undefined) return ` It is held back: ${hold}.`;
  const { nextAt } = attempt ?? {};
  return nextAt === undefined || nextAt <= now ? "" : ` The next attempt is at ${iso(nextAt)}.`;
}

function failureOf({ attempt }: Known): ExplainedFailure | undefined {
  if (attempt?.lastError === undefined) return undefined;
  const code = (Object.keys(FAILURE_CLASSES) as ErrorCode[]).find((it) => it === attempt.lastCode);
  const { cause, todo } = FAILURE_CLASSES[code ?? "INTERNAL"]; // records of earlier versions have no class for it
  const times = attempt.failures > 1 ? `, ${attempt.failures} times in a row` : "";
  const text = `The last attempt, at ${iso(attempt.lastAt)}, failed${times}, because ${cause}: ${attempt.lastError}.`;
  return { ...given("code", code), text, todo };
}

function iso(at: Date): string {
  return at.toISOString().replace(/\.\d{3}Z$/, "Z");
}

function distance(at: Date, now: Date): string {
  const days = Math.round(Math.abs(at.getTime() - now.getTime()) / 86_400_000);
  return at > now ? `in ${days} days` : `${days} days ago`;
}
