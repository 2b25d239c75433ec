/**
 * Reads `Retry-After` in both forms (RFC 9110 §10.2.3). A date is compared with the answer's own `Date`, not with our
 * clock, which may be wrong.
 *
 * @param headers The answer's headers.
 * @param now Our clock, used only where the answer has no `Date`.
 * @returns Milliseconds to wait, at most 30 days; undefined where there is none or it makes no sense.
 */
export function retryAfterMs(headers: Headers, now: Date): number | undefined {
  const value = headers.get("retry-after")?.trim();
  if (value === undefined || value === "") return undefined;
  if (/^\d+$/.test(value)) return clamp(Number(value) * 1_000);
  const at = Date.parse(value);
  if (Number.isNaN(at) || !/[a-z]/i.test(value)) return undefined;
  const sent = Date.parse(headers.get("date") ?? "");
  return clamp(at - (Number.isNaN(sent) ? now.getTime() : sent));
}

function clamp(ms: number): number {
  return Math.min(Math.max(ms, 0), 30 * 86_400_000);
}
