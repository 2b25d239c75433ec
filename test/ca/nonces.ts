import type { Random } from "./random.ts";

/** Replay protection (RFC 8555 §6.5). */
export interface Nonces {
  /** A new one. */
  issue(): string;
  /** Uses one up; false where it is unknown, used, too old, or where chance will have it so. */
  redeem(nonce: string): boolean;
}

/** How {@linkcode nonces} behave. */
export interface NonceSettings {
  /** How long one is good for. */
  readonly nonceLifetimeMs: number;
  /** Share of good nonces that are refused all the same, as Pebble does. */
  readonly nonceReject: number;
}

/** How many are remembered; the oldest are forgotten first. */
const KEPT = 10_000;

/** Nonces that are good once and for a while. */
export function nonces(settings: NonceSettings, random: Random, now: () => Date): Nonces {
  const good = new Map<string, number>();
  const values = random.stream("values");
  const refusals = random.stream("refusals");
  return {
    issue(): string {
      const nonce = values.token(16);
      good.set(nonce, now().getTime() + settings.nonceLifetimeMs);
      const [oldest] = good.keys();
      if (good.size > KEPT && oldest !== undefined) good.delete(oldest);
      return nonce;
    },
    redeem(nonce): boolean {
      const until = good.get(nonce);
      good.delete(nonce);
      return until !== undefined && now().getTime() < until && !refusals.chance(settings.nonceReject);
    },
  };
}
