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
/** More than this is told, and so is a change by more than this. */
const SKEW_MS = 5 * MINUTE;
/** It is over only below this: a difference at the border is not told by turns. */
const RIGHT_MS = SKEW_MS / 2;

/** Makes a {@linkcode CaClock}; a difference of more than five minutes is told once, and so are its change and its end. */
export function caClock({ authority, clock, events }: Pick<FlowParts, "authority" | "clock" | "events">): CaClock {
  let offset = 0;
  let knownAt: Date | undefined;
  let told = 0; // the difference that people know of
  let asking: Promise<void> | undefined;

  const since = (at: Date | undefined): number => {
    const ms = at === undefined ? Infinity : clock.now().getTime() - at.getTime();
    return ms < 0 ? Infinity : ms; // from a clock that has gone back since
  };

  const note = (offsetMs: number | undefined): void => {
    if (offsetMs === undefined) return;
    offset = offsetMs;
    knownAt = clock.now();
    const isRight = Math.abs(offset) <= (told === 0 ? SKEW_MS : RIGHT_MS);
    if (isRight ? told === 0 : Math.abs(offset - told) <= SKEW_MS) return;
    told = isRight ? 0 : offset;
    const fields = { seconds: Math.round(offset / 1_000) };
    if (isRight) {
      events.emit({ level: "info", name: "clock.right", text: "The clock of this machine goes with the CA's", fields });
      return;
    }
    const minutes = Math.round(Math.abs(offset) / MINUTE);
    events.emit({
      level: "warn",
      name: "clock.skewed",
      text: `The clock of this machine is ${minutes} min ${
        offset > 0 ? "behind" : "ahead of"
      } the CA's; renewal goes by the CA's`,
      fields,
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
