/**
 * What `--help` says, made from the table that also parses.
 *
 * @module
 */
import { type Command, COMMON_OPTIONS, type Option, type Options, type Positional } from "./command.ts";

/** Explains one command. */
export function commandHelp({ name, also, summary, positionals = [], options = {}, examples, next }: Command): string {
  const usage = [`kontena ${name}`, "[OPTIONS]", ...positionals.map(usageOf)].join(" ");
  return paragraphs([
    [`Usage: ${usage}`],
    [`${summary}.`, ...also === undefined ? [] : [`Also written: ${also.join(", ")}.`]],
    positionals.length === 0 ? [] : ["Arguments:", ...columns(positionals.map((it) => [it.name, it.help]))],
    ["Options:", ...columns(optionRows({ ...options, ...COMMON_OPTIONS }))],
    ["Example:", ...examples.map((line) => `  $ ${line}`)],
    ["Next:", `  ${next}`],
  ]);
}

/** Lists all commands. */
export function overview(commands: readonly Command[]): string {
  return paragraphs([
    ["Usage: kontena COMMAND [OPTIONS] [ARGUMENTS]"],
    ["Certificates from Let's Encrypt or another ACME CA, kept in a vault, served by your load balancer."],
    ["Commands:", ...commandRows(commands)],
    ["Options of every command:", ...columns(optionRows(COMMON_OPTIONS))],
    ["Environment:", ...columns(ENVIRONMENT)],
    ["From nothing to a certificate:", ...FIRST_STEPS.map((line) => `  $ ${line}`)],
    ["kontena COMMAND --help explains a command, with an example and what comes next."],
  ]);
}

/** Lists the commands of one group. */
export function groupHelp(commands: readonly Command[], group: string): string {
  return paragraphs([
    [`Usage: kontena ${group} COMMAND [OPTIONS] [ARGUMENTS]`],
    ["Commands:", ...commandRows(commands.filter(({ name }) => name.startsWith(`${group} `)))],
    [`kontena ${group} COMMAND --help explains a command, with an example and what comes next.`],
  ]);
}

const ENVIRONMENT = [
  ["KONTENA_URL", "where the sidecar listens (default: http://127.0.0.1:9292)"],
  ["KONTENA_TOKEN", "its token, or KONTENA_TOKEN_FILE; else the file data/token is read"],
  ["KONTENA_GRID", "the grid (default: default)"],
] as const;

const FIRST_STEPS = [
  "kontena certificate register you@example.com",
  "kontena certificate authorize --type http-01 --linked-service infra/lb www.example.com",
  "kontena certificate get www.example.com",
];

function commandRows(commands: readonly Command[]): readonly string[] {
  return columns(commands.map(({ name, summary }) => [name, summary]));
}

function usageOf({ name, count }: Positional): string {
  if (count === "many") return `${name}...`;
  return count === "optional" ? `[${name}]` : name;
}

function optionRows(options: Options): readonly (readonly [string, string])[] {
  return Object.entries(options).map(([name, option]) => [spelled(name, option), option.help]);
}

function spelled(name: string, { short, also = [], value, negatable }: Option): string {
  const long = [name, ...also].map((it) => `--${negatable === true ? "[no-]" : ""}${it}`);
  const all = [...short === undefined ? [] : [`-${short}`], ...name.length === 1 ? [] : long].join(", ");
  return value === undefined ? all : `${all} ${value}`;
}

function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

function paragraphs(parts: readonly (readonly string[])[]): string {
  return parts.filter((lines) => lines.length > 0).map((lines) => `${lines.join("\n")}\n`).join("\n");
}
