import type { Answer } from "../answer.ts";
import type { Parts } from "../parts.ts";
import { Problem } from "../problem.ts";
import type { Certificate } from "../state/types.ts";
import { isCertId } from "../x509/cert_id.ts";
import { toRfc3339 } from "./order.ts";

/** When a certificate should be replaced (RFC 9773 §4.2). */
export interface Window {
  readonly start: Date;
  readonly end: Date;
}

const HOUR = 3_600_000;
const SHORT_LIFETIME = 10 * 24 * HOUR;
/** RFC 9773 §4.3.2: how long the answer is good for. */
const ASK_AGAIN_SECONDS = 6 * 3600;

/** GET without signature (RFC 9773 §4.1). */
export function renewalInfo({ store, settings }: Parts, certId: string): Answer {
  if (!settings.renewalInfo) throw new Problem("malformed", "Page not found", { status: 404 });
  if (!isCertId(certId)) throw new Problem("malformed", `Path was not a valid ARI CertID: "${certId}"`);
  const found = store.certificateOf(certId);
  if (found === undefined) throw new Problem("malformed", "Certificate not found", { status: 404 });
  const headers = { "retry-after": String(ASK_AGAIN_SECONDS) };
  const set = store.renewals.get(certId);
  if (set !== undefined) return { body: set, headers };
  const { start, end } = suggestedWindow(found, settings.now());
  return { body: { suggestedWindow: { start: toRfc3339(start), end: toRfc3339(end) } }, headers };
}

/**
 * As Boulder: around 2/3 of the lifetime, half of it where that is under ten days, one hundredth of it to both sides; what
 * was revoked should have been replaced already.
 */
export function suggestedWindow(
  { notBefore, notAfter, revoked }: Pick<Certificate, "notBefore" | "notAfter" | "revoked">,
  now: Date,
): Window {
  if (revoked !== undefined) return { start: new Date(now.getTime() - HOUR), end: new Date(now.getTime() - HOUR / 2) };
  const lifetime = notAfter.getTime() + 1000 - notBefore.getTime(); // notAfter is the last second of it
  const centre = notBefore.getTime() + lifetime * (lifetime < SHORT_LIFETIME ? 1 / 2 : 2 / 3);
  return { start: new Date(centre - lifetime / 100), end: new Date(centre + lifetime / 100) };
}
