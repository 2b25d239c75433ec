import { parseArgs } from "node:util";
import { InputError } from "../../src/model/errors.ts";
import { type Command, COMMON_OPTIONS, type Input, type Option, type Options } from "./command.ts";

/** A command line, split: the words that call a command, and the rest for it. */
export interface Split {
  readonly words: readonly string[];
  readonly rest: readonly string[];
}

/**
 * Takes a PEM text out of the arguments: it begins with `-`, but it is a value. The mark in its place begins with NUL,
 * which no real argument can hold; {@linkcode parse} puts the text back.
 */
export function hidePem(args: readonly string[]): readonly string[] {
  return args.map((arg, i) => arg.startsWith("-----BEGIN") ? `\0${i}` : arg);
}

/**
 * Finds the words that call a command: two, and a third where the two are the name of a group. Options may stand before them.
 *
 * @param isGroup Tells whether commands begin with these words.
 */
export function split(args: readonly string[], isGroup: (words: string) => boolean): Split {
  const words: string[] = [];
  const rest: string[] = [];
  args.forEach((arg, i) => {
    const open = words.length < 2 || isGroup(words.join(" "));
    const isWord = open && !arg.startsWith("-") && args[i - 1] !== "--grid" && !rest.includes("--");
    (isWord ? words : rest).push(arg);
  });
  return { words, rest };
}

/** The command that the words call. */
export function findCommand(commands: readonly Command[], words: readonly string[]): Command | undefined {
  const wanted = words.join(" ");
  return commands.find(({ name, also = [] }) => {
    const group = name.slice(0, name.lastIndexOf(" "));
    return name === wanted || also.some((word) => `${group} ${word}` === wanted);
  });
}

/**
 * Reads the arguments of a command. No error quotes a value.
 *
 * @param rest What {@linkcode split} left, from arguments that went through {@linkcode hidePem}.
 * @param original The arguments before that.
 * @throws {InputError} Naming the option or argument that is wrong.
 */
export function parse(command: Command, rest: readonly string[], original: readonly string[]): Input {
  const see = `see: kontena ${command.name} --help`;
  const spellings = spellingsOf({ ...command.options, ...COMMON_OPTIONS });
  const given = new Map<string, (string | boolean)[]>();
  const args: string[] = [];
  const shown = (value: string): string => value.startsWith("\0") ? original[Number(value.slice(1))] ?? "" : value;

  for (const token of tokensOf(rest, spellings)) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      args.push(shown(token.value));
      continue;
    }
    const spelling = spellings.get(token.name);
    if (spelling === undefined) throw unknownOption(command, token.rawName);
    const value = valueOf(spelling, token, see);
    given.set(spelling.name, [...given.get(spelling.name) ?? [], typeof value === "string" ? shown(value) : value]);
  }
  if (!given.has("help")) checkCount(command, args, see);

  const last = (option: string): string | boolean | undefined => given.get(option)?.at(-1);
  return {
    args,
    values: (option) => (given.get(option) ?? []).filter((value) => typeof value === "string"),
    value: (option) => {
      const value = last(option);
      return typeof value === "string" ? value : undefined;
    },
    flag: (option) => {
      const value = last(option);
      return typeof value === "boolean" ? value : undefined;
    },
  };
}

/** One way to write an option. */
interface Spelling {
  readonly name: string;
  readonly option: Option;
  /** What a switch so written means. */
  readonly meaning: boolean;
}

function spellingsOf(options: Options): ReadonlyMap<string, Spelling> {
  return new Map(
    Object.entries(options).flatMap(([name, option]) => {
      const on: Spelling = { name, option, meaning: true };
      return [
        ...[name, ...option.also ?? [], ...option.short === undefined ? [] : [option.short]].map((it) =>
          [it, on] as const
        ),
        ...option.negatable === true ? [[`no-${name}`, { name, option, meaning: false }] as const] : [],
      ];
    }),
  );
}

type Token = NonNullable<ReturnType<typeof parseArgs<{ strict: false; tokens: true }>>["tokens"]>[number];
type OptionToken = Extract<Token, { kind: "option" }>;

function tokensOf(rest: readonly string[], spellings: ReadonlyMap<string, Spelling>): readonly Token[] {
  const options = Object.fromEntries(
    [...spellings].filter(([spelling]) => spelling.length > 1).map(([spelling, { name, option }]) => [spelling, {
      type: option.value === undefined ? "boolean" as const : "string" as const,
      ...(option.short !== undefined && spelling === name ? { short: option.short } : {}),
    }]),
  );
  return parseArgs({ args: [...rest], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

function valueOf({ option, meaning }: Spelling, token: OptionToken, see: string): string | boolean {
  const { value, inlineValue, rawName } = token;
  if (option.value === undefined) {
    if (value !== undefined) throw new InputError(rawName, "the option takes no value", see);
    return meaning;
  }
  // what follows it is another option, not its value
  if (value === undefined || (inlineValue === false && value.startsWith("-"))) {
    throw new InputError(rawName, `${option.value} is missing`, see);
  }
  return value;
}

/** Names the option where it looks like one; else it may be a value that went astray. */
function unknownOption({ name, takesSecret }: Command, rawName: string): InputError {
  if (takesSecret === true) {
    return new InputError(
      "option",
      "unknown; it is not repeated here, for it may be a secret",
      'give a value that begins with "-" on standard input, or after "--"',
    );
  }
  const plain = /^-{1,2}[a-z][a-z-]{0,30}$/i.test(rawName);
  return new InputError(plain ? rawName : "option", "unknown option", `see: kontena ${name} --help`);
}

function checkCount({ positionals = [] }: Command, args: readonly string[], see: string): void {
  const missing = positionals.find(({ count }, i) => count !== "optional" && args[i] === undefined);
  if (missing !== undefined) throw new InputError(missing.name, "no value is given", see);
  const most = positionals.some(({ count }) => count === "many") ? Infinity : positionals.length;
  if (args.length > most) {
    const what = most === 0 ? "none is expected" : `${most} ${most === 1 ? "is" : "are"} expected`;
    throw new InputError("arguments", `${args.length} are given, ${what}`, see);
  }
}
