import type { Clock, Event, Events } from "../mod.ts";

/** How events are written. */
export interface LogOptions {
  readonly level: Event["level"];
  readonly format: "text" | "json";
  readonly clock: Clock;
  readonly write: (line: string) => void;
}

const LEVELS: readonly Event["level"][] = ["debug", "info", "warn", "error"];

/** Writes events as lines: JSON for machines, text for a terminal. An event never holds a secret, so nothing is filtered. */
export function logEvents({ level, format, clock, write }: LogOptions): Events {
  const least = LEVELS.indexOf(level);
  const line = format === "json" ? jsonLine : textLine;
  return {
    emit(event: Event): void {
      if (LEVELS.indexOf(event.level) >= least) write(line(event, clock.now()));
    },
  };
}

/** Hands each event to all of them. */
export function allEvents(...all: readonly Events[]): Events {
  return {
    emit(event: Event): void {
      for (const events of all) events.emit(event);
    },
  };
}

function jsonLine({ level, name, text, fields }: Event, now: Date): string {
  return JSON.stringify({ time: now.toISOString(), level, event: name, message: text, ...fields });
}

function textLine({ level, name, text }: Event, now: Date): string {
  // A line feed in an error's text must not look like a second event.
  return `${now.toISOString()} ${level.padEnd(5)} ${name}: ${text.replaceAll("\n", " | ")}`;
}
