/**
 * When a certificate is renewed: inside the window that the CA suggests (RFC 9773 §4.2) at an instant that is drawn once, else
 * by the certificate's own dates. Instants here are at the CA's clock.
 *
 * @module
 */

/** When the CA wants a certificate to be replaced; the start belongs to it, the end does not. */
export interface RenewalWindow {
  /** First instant. */
  readonly start: Date;
  /** Always after `start`. */
  readonly end: Date;
}

/** What was made of a CA's answer: kept while the window stays the same. */
export interface RenewalDraw {
  /** The CA's window. */
  readonly window: RenewalWindow;
  /** The instant that was drawn: inside the window, or after it where the window was over already. */
  readonly at: Date;
  /** A page of the CA that says why it is this window, for people. */
  readonly explanationUrl?: URL;
}

/** From when on a certificate is renewed where the CA names no window, and from when on nothing may hold it back. */
export interface RenewalTimes {
  /** 1/3 of the lifetime left, 1/2 under ten days (where Let's Encrypt centres its own windows). */
  readonly renewAt: Date;
  /** 1/20 of the lifetime left. */
  readonly emergencyAt: Date;
}

/** What decides about a renewal. */
export type RenewalReason =
  | "window" // the instant that was drawn in the CA's window
  | "recalled" // the CA's window was over when it was told: the certificate is, or will be, revoked
  | "emergency" // the drawn instant lies too late
  | "lifetime"; // the CA names no window: by the certificate's dates

/** The reasons in words, for people. */
export const RENEWAL_REASONS: Readonly<Record<RenewalReason, string>> = {
  window: "window of the CA",
  recalled: "the CA wants it replaced at once",
  emergency: "little of its lifetime is left",
  lifetime: "its lifetime",
};

/** When a certificate is renewed next, and why then. */
export interface RenewalDate {
  /** From this instant on. */
  readonly at: Date;
  /** What decided. */
  readonly why: RenewalReason;
}

/** The dates of a certificate. */
export interface Validity {
  /** Start of validity. */
  readonly notBefore: Date;
  /** End of validity. */
  readonly notAfter: Date;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const TEN_DAYS = 240 * HOUR;
/** So that an order is not early at a CA whose clock is behind what its answers say. */
const LEAD = MINUTE;

/** Computes {@linkcode RenewalTimes} from the certificate's own dates alone: its lifetime may differ from the last one. */
export function renewalTimes(facts: Validity): RenewalTimes {
  const lifetime = lifetimeOf(facts);
  return {
    renewAt: new Date(facts.notAfter.getTime() - lifetime / (lifetime < TEN_DAYS ? 2 : 3)),
    emergencyAt: new Date(emergencyOf(facts)),
  };
}

/** In milliseconds since 1970. */
function emergencyOf(facts: Validity): number {
  return facts.notAfter.getTime() - lifetimeOf(facts) / 20;
}

/** In milliseconds; an end before the start is none. */
function lifetimeOf({ notBefore, notAfter }: Validity): number {
  return Math.max(0, notAfter.getTime() - notBefore.getTime());
}

/**
 * Decides when a certificate is renewed. With a window of the CA the draw decides, as the CA centres its window on the very
 * instant that the lifetime would give; only the emergency line comes before it.
 */
export function renewalDate(facts: Validity, draw: RenewalDraw | undefined): RenewalDate {
  if (draw === undefined) return { at: renewalTimes(facts).renewAt, why: "lifetime" };
  const emergencyMs = emergencyOf(facts);
  const at = draw.at.getTime() > emergencyMs ? new Date(emergencyMs) : draw.at;
  if (isRecalled(draw)) return { at, why: "recalled" }; // however little is left: it goes before all others
  return { at, why: at === draw.at ? "window" : "emergency" };
}

/** Makes a window, or nothing where the end is not after the start (RFC 9773 §4.2). */
export function renewalWindow(start: Date, end: Date): RenewalWindow | undefined {
  return end > start ? { start, end } : undefined; // an invalid date compares false
}

/** Tells whether the window was over when it was told, as it is for what was revoked. */
export function isRecalled({ window, at }: RenewalDraw): boolean {
  return at.getTime() >= window.end.getTime();
}

/**
 * Draws the instant of renewal (RFC 9773 §4.2): by chance in the window, at least a minute after its start; the second half
 * of it, twelve hours at most, is left for second attempts. A drawn instant that has passed is due at once.
 *
 * @param known What was drawn before: it stays while the window is the same.
 * @param now At the CA's clock.
 * @param random A number in [0, 1).
 * @param delayMs Where the window is over already: how long to wait nevertheless.
 */
export function drawRenewal(
  known: RenewalDraw | undefined,
  window: RenewalWindow,
  { now, random, delayMs }: { readonly now: Date; readonly random: number; readonly delayMs: number },
): RenewalDraw {
  if (known !== undefined && sameWindow(known.window, window)) return { window, at: known.at };
  const start = window.start.getTime();
  const end = window.end.getTime();
  if (end <= now.getTime()) return { window, at: new Date(now.getTime() + delayMs) };
  const width = end - start;
  const first = start + Math.min(LEAD, width / 4);
  const last = end - Math.min(12 * HOUR, width / 2);
  return { window, at: new Date(Math.floor(first + random * (last - first))) };
}

function sameWindow(one: RenewalWindow, other: RenewalWindow): boolean {
  return one.start.getTime() === other.start.getTime() && one.end.getTime() === other.end.getTime();
}
