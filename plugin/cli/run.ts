import { InputError, withoutPem } from "../../src/model/errors.ts";
import { CERTIFICATE_COMMANDS } from "./certificate_commands.ts";
import type { Client } from "./client.ts";
import type { Command, Input } from "./command.ts";
import { renderError } from "./errors.ts";
import { commandHelp, groupHelp, overview } from "./help.ts";
import { findCommand, hidePem, parse, split } from "./parse.ts";
import type { Terminal } from "./terminal.ts";
import { VAULT_COMMANDS } from "./vault_commands.ts";

/** All commands, in the order in which the help lists them. */
export const COMMANDS: readonly Command[] = [...CERTIFICATE_COMMANDS, ...VAULT_COMMANDS];

/** What a run of the program needs. */
export interface Surroundings {
  readonly terminal: Terminal;
  /** Makes the client once it is known that a command needs one. */
  readonly client: (grid: string | undefined, debug: (text: string) => void) => Client;
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

async function runCommand(args: readonly string[], { terminal, client, now }: Surroundings): Promise<void> {
  const { words, rest } = split(hidePem(args));
  const [group, word] = words;
  const command = findCommand(COMMANDS, words);
  if (command === undefined) {
    if (group === undefined || group === "help") return terminal.out(overview(COMMANDS));
    if (word === undefined && isGroup(group)) return terminal.out(groupHelp(COMMANDS, group));
    throw unknownCommand(words);
  }
  const input: Input = parse(command, rest, args);
  if (input.flag("help") === true) return terminal.out(commandHelp(command));
  const debug = input.flag("debug") === true ? terminal.err : (): void => {};
  await command.run(input, { terminal, client: client(input.value("grid"), debug), now });
}

function isGroup(word: string): boolean {
  return COMMANDS.some(({ name }) => name.startsWith(`${word} `));
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
