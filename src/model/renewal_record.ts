/**
 * When the CA is asked for renewal information, and what is made of its answer (RFC 9773 §4.3). Instants are at the CA's
 * clock, so that a clock of ours that jumps neither asks too often nor forgets to.
 *
 * @module
 */
import { attemptWait } from "./backoff.ts";
import { NOISE_MS } from "./clock_offset.ts";
import type { CertificateRecord } from "./records.ts";
import { drawRenewal, isRecalled, type RenewalDraw, type RenewalWindow } from "./renewal.ts";
import { given } from "./shape.ts";

/** What is known of one certificate's renewal. */
export interface RenewalRecord {
  /** The certificate that it is about: a later one under the same name is asked for anew. */
  readonly certId: string;
  /** The CA's window and what was drawn in it; absent as long as the CA has given none. */
  readonly draw?: RenewalDraw;
  /** When the CA was asked last. */
  readonly askedAt: Date;
  /** Not before this instant is it asked again. */
  readonly askAt: Date;
  /** Questions in a row without an answer. */
  readonly failures: number;
  /** How many certificates in a row before this one were recalled: each further one waits longer. */
  readonly recalls: number;
}

/** The CA's answer, as far as it can be used. */
export interface RenewalAnswer {
  /** Absent where it said nothing that can be used. */
  readonly window?: RenewalWindow;
  /** A page that says why it is this window. */
  readonly explanationUrl?: URL;
  /** Not before so many milliseconds is it asked again: between a minute and a day. */
  readonly askAfterMs: number;
  /** How far the CA's clock is ahead of ours, in milliseconds; absent where it does not say. */
  readonly clockOffsetMs?: number;
}

/** The moment of a decision, and chance. */
export interface Moment {
  /** At the CA's clock. */
  readonly now: Date;
  /** A number in [0, 1). */
  readonly random: number;
}

const MINUTE = 60_000;
/** How long an answer is good for where the CA does not say. */
export const ASK_MS = 360 * MINUTE;
/** More than this in the future, and what was written down came from a clock that was wrong. */
const DOUBTFUL_MS = 5 * MINUTE;

/**
 * Tells whether the CA is to be asked about the certificate now: once after it was issued, then as the CA says, and not any more
 * when it has expired or was revoked.
 */
export function isAskDue(record: CertificateRecord, known: RenewalRecord | undefined, now: Date): boolean {
  const { facts: { certId, notAfter }, origin, revoked } = record;
  if (origin !== "ca" || certId === undefined || revoked !== undefined || notAfter <= now) return false;
  if (known?.certId !== certId) return true;
  return known.askAt <= now || known.askedAt.getTime() > now.getTime() + DOUBTFUL_MS;
}

/** The draw of this very certificate; one of a predecessor says nothing. */
export function drawOf(record: CertificateRecord, known: RenewalRecord | undefined): RenewalDraw | undefined {
  return known !== undefined && known.certId === record.facts.certId ? known.draw : undefined;
}

/**
 * What to write down after the CA was heard. An answer without a window leaves the one that is known: the CA has only lost its
 * words.
 *
 * @param answer Undefined where the CA offers no renewal information.
 */
export function renewalAnswered(
  certId: string,
  known: RenewalRecord | undefined,
  answer: RenewalAnswer | undefined,
  { now, random }: Moment,
): RenewalRecord {
  const before = known?.certId === certId ? known.draw : undefined;
  const recalls = recallsBefore(certId, known);
  const delayMs = recalls === 0 ? 0 : attemptWait(recalls, random);
  const draw = answer?.window === undefined ? before : {
    ...drawRenewal(before, answer.window, { now, random, delayMs }),
    ...given("explanationUrl", answer.explanationUrl),
  };
  const wait = answer?.askAfterMs ?? ASK_MS;
  return {
    certId,
    ...given("draw", draw),
    askedAt: now,
    askAt: bound(now, wait + random * Math.min(5 * MINUTE, wait / 20)),
    failures: 0,
    recalls,
  };
}

/**
 * What to write down where no answer came: 1, 2, 4 … minutes up to six hours, and never before the CA's `Retry-After`.
 *
 * @param retryAfterMs What the CA asked for, in milliseconds.
 */
export function renewalUnanswered(
  certId: string,
  known: RenewalRecord | undefined,
  retryAfterMs: number | undefined,
  { now, random }: Moment,
): RenewalRecord {
  const same = known?.certId === certId ? known : undefined;
  const failures = (same?.failures ?? 0) + 1;
  const ours = Math.min(MINUTE * 2 ** Math.min(failures - 1, 20), ASK_MS) * (0.9 + 0.2 * random);
  return {
    certId,
    ...given("draw", same?.draw),
    askedAt: now,
    askAt: retryAfterMs === undefined ? later(now, ours) : bound(now, Math.max(ours, retryAfterMs)),
    failures,
    recalls: recallsBefore(certId, known),
  };
}

/** A CA that recalls each new certificate at once would have us order without end. */
function recallsBefore(certId: string, known: RenewalRecord | undefined): number {
  if (known === undefined || known.certId === certId) return known?.recalls ?? 0;
  return known.draw !== undefined && isRecalled(known.draw) ? known.recalls + 1 : 0;
}

/** The CA's time is a lower bound (§4.3.2), also where we take its clock for a moment slower than it is. */
function bound(now: Date, ms: number): Date {
  return later(now, ms + NOISE_MS);
}

function later(now: Date, ms: number): Date {
  return new Date(now.getTime() + Math.round(ms));
}
