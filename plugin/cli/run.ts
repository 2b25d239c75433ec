import { InputError, withoutPem } from "../../src/model/errors.ts";
import { CERTIFICATE_COMMANDS } from "./certificate_commands.ts";
import type { Client } from "./client.ts";
import type { Command, Input } from "./command.ts";
import { renderError } from "./errors.ts";
import { commandHelp, groupHelp, overview } from "./help.ts";
import { LB_COMMANDS } from "./lb_commands.ts";
import { findCommand, hidePem, parse, split } from "./parse.ts";
import type { Terminal } from "./terminal.ts";
import { VAULT_COMMANDS } from "./vault_commands.ts";

/** All commands, in the order in which the help lists them. */
export const COMMANDS: readonly Command[] = [...CERTIFICATE_COMMANDS, ...VAULT_COMMANDS, ...LB_COMMANDS];

/** What a run of the program needs. */
export interface Surroundings {
  readonly terminal: Terminal;
  /** Makes the client once it is known that a command needs one. */
  readonly client: (grid: string | undefined, debug: (text: string) => void) => Client;
  /** The text of a file; undefined where there is none. */
  readonly file: (path: string) => string | undefined;
  readonly now: Date;
}

/** Runs one command line and returns the exit status: 0, or 1 with the error on standard error. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { terminal } = surroundings;
  try {
    await runCommand(args, surroundings);
    return 0;
  } catch (error) {
    terminal.err(renderError(error));
    if (args.includes("-D") || args.includes("--debug")) terminal.err(`${trace(error)}\n`);
    return 1;
  }
}

async function runCommand(args: readonly string[], { terminal, client, file, now }: Surroundings): Promise<void> {
  const { words, rest } = split(hidePem(args), isGroup);
  const group = words.join(" ");
  const command = findCommand(COMMANDS, words);
  if (command === undefined) {
    if (group === "" || words[0] === "help") return terminal.out(overview(COMMANDS));
    if (isGroup(group)) return terminal.out(groupHelp(COMMANDS, group));
    throw unknownCommand(words);
  }
  const input: Input = parse(command, rest, args);
  if (input.flag("help") === true) return terminal.out(commandHelp(command));
  const debug = input.flag("debug") === true ? terminal.err : (): void => {};
  await command.run(input, { terminal, client: client(input.value("grid"), debug), file, now });
}

/** Tells whether commands begin with these words. */
export function isGroup(words: string): boolean {
  return COMMANDS.some(({ name }) => name.startsWith(`${words} `));
}

/** What is no plain word may be a secret in the wrong place, and is not repeated. */
function unknownCommand(words: readonly string[]): InputError {
  const plain = words.every((word) => /^[a-z-]{1,30}$/.test(word));
  const group = words.find(isGroup);
  return new InputError(
    "command",
    plain ? `there is no ${words.join(" ")}` : "there is no such command",
    `see: kontena ${group === undefined ? "" : `${group} `}--help`,
  );
}

function trace(error: unknown): string {
  return withoutPem(error instanceof Error ? error.stack ?? error.message : String(error));
}
