import type { Client } from "./client.ts";
import type { Terminal } from "./terminal.ts";

/** A command as data: what parses it also explains it. */
export interface Command {
  /** The words that call it, for example `certificate list`. */
  readonly name: string;
  /** Further last words, for example `ls`. */
  readonly also?: readonly string[];
  /** One sentence, without a period. */
  readonly summary: string;
  readonly positionals?: readonly Positional[];
  readonly options?: Options;
  readonly examples: readonly string[];
  /** What to do after it. */
  readonly next: string;
  /** An argument may be a secret: errors do not even name what looks like an option. */
  readonly takesSecret?: boolean;
  readonly run: (input: Input, world: World) => Promise<void>;
}

/** An argument that stands for itself. */
export interface Positional {
  readonly name: string;
  readonly count?: "optional" | "many";
  readonly help: string;
}

/** An option; without `value` it is a switch. */
export interface Option {
  readonly short?: string;
  /** Other spellings of the same. */
  readonly also?: readonly string[];
  /** What stands for its value in the help. */
  readonly value?: string;
  readonly many?: boolean;
  /** `--no-NAME` exists too. */
  readonly negatable?: boolean;
  readonly help: string;
}

/** Options by their long name. */
export type Options = Readonly<Record<string, Option>>;

/** What every command understands. */
export const COMMON_OPTIONS: Options = {
  grid: { value: "GRID", help: "The grid (default: KONTENA_GRID, else default)" },
  debug: { short: "D", help: "Show each request on stderr" },
  help: { short: "h", help: "Explain the command" },
};

/** A command line that was understood. */
export interface Input {
  /** The positionals in order. */
  readonly args: readonly string[];
  /** The values given to an option, in order; none where it was not given. */
  readonly values: (option: string) => readonly string[];
  /** The last value given to it. */
  readonly value: (option: string) => string | undefined;
  /** What a switch was set to; undefined where it was not given. */
  readonly flag: (option: string) => boolean | undefined;
}

/** What a command may touch. */
export interface World {
  readonly terminal: Terminal;
  readonly client: Client;
  /** The text of a file; undefined where there is none. */
  readonly file: (path: string) => string | undefined;
  readonly now: Date;
}

/** Ends a command with a message for the person. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
