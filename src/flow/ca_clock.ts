import type { Call } from "../ports.ts";
import type { FlowParts } from "./parts.ts";

/** The CA's clock, as far as it is known: certificates and windows go by it. */
export interface CaClock {
  /** The moment, by what is known; by our own clock where nothing is. */
  now(): Date;
  /** Takes what an answer of the CA said; nothing where it said nothing. */
  note(offsetMs: number | undefined): void;
  /** Our clock has jumped: what is known of the CA's is worth nothing. */
  doubt(): void;
  /** Resolves when it is known, and asks the CA where that was not done in the last hours; rejects as the CA does. */
  sure(call: Call): Promise<void>;
}

const MINUTE = 60_000;
/** How long an answer is believed: no clock goes wrong by much in it. */
const BELIEVED_MS = 360 * MINUTE;
/** More than this is told. */
const SKEW_MS = 5 * MINUTE;
const TOLD_MS = 1_440 * MINUTE;

/** Makes a {@linkcode CaClock}; a difference of more than five minutes is told once a day. */
export function caClock({ authority, clock, events }: Pick<FlowParts, "authority" | "clock" | "events">): CaClock {
  let offset = 0;
  let knownAt: Date | undefined;
  let toldAt: Date | undefined;
  let asking: Promise<void> | undefined;

  const since = (at: Date | undefined): number => {
    const ms = at === undefined ? Infinity : clock.now().getTime() - at.getTime();
    return ms < 0 ? Infinity : ms; // from a clock that has gone back since
  };

  const note = (offsetMs: number | undefined): void => {
    if (offsetMs === undefined) return;
    offset = offsetMs;
    knownAt = clock.now();
    if (Math.abs(offset) <= SKEW_MS || since(toldAt) < TOLD_MS) return;
    toldAt = clock.now();
    const minutes = Math.round(Math.abs(offset) / MINUTE);
    events.emit({
      level: "warn",
      name: "clock.skewed",
      text: `The clock of this machine is ${minutes} min ${
        offset > 0 ? "behind" : "ahead of"
      } the CA's; renewal goes by the CA's`,
      fields: { seconds: Math.round(offset / 1_000) },
    });
  };

  const ask = async (call: Call): Promise<void> => {
    try {
      note(await authority.clockOffsetMs(call) ?? 0); // a CA that does not say has our time
    } finally {
      asking = undefined;
    }
  };

  return {
    now: () => new Date(clock.now().getTime() + offset),
    note,
    doubt: () => void (knownAt = undefined),
    async sure(call: Call): Promise<void> {
      if (since(knownAt) < BELIEVED_MS) return;
      await (asking ??= ask(call));
    },
  };
}
