/** An answer names whole seconds and takes time to arrive: less than this is no difference. */
export const NOISE_MS = 2_000;

/**
 * How far the sender's clock is ahead of ours, by the `Date` of its answer and the `Age` that a cache in between has added
 * (RFC 9110 §6.6.1, RFC 9111 §5.1).
 *
 * @param at When the answer came, at our clock.
 * @returns Milliseconds, negative where it is behind; undefined where it does not say.
 */
export function clockOffsetMs(headers: Headers, at: Date): number | undefined {
  const sent = Date.parse(headers.get("date") ?? "");
  if (Number.isNaN(sent)) return undefined;
  const age = /^\d{1,9}$/.test(headers.get("age") ?? "") ? Number(headers.get("age")) : 0;
  const offset = sent + age * 1_000 - at.getTime();
  return Math.abs(offset) < NOISE_MS ? 0 : offset;
}
