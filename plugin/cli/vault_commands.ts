import { parseSecretName } from "../../src/model/secret_name.ts";
import { explain, path } from "./client.ts";
import { type Command, CommandError, type Input, type Options, type World } from "./command.ts";
import { confirmName } from "./confirm.ts";
import { secretTable, secretText } from "./format.ts";
import { progress } from "./progress.ts";
import { EXCHANGE_COMMANDS } from "./vault_exchange.ts";
import { readList, readSecret } from "./wire.ts";

const NAME = { name: "NAME", help: "The secret's name: letters, digits, _ and -" } as const;

const VALUE = {
  name: "VALUE",
  count: "optional",
  help: "Its value; left out, it is read from standard input, where no other user of the machine can see it",
} as const;

const SILENT: Options = { silent: { help: "Show no progress" } };

/** `kontena vault …`. */
export const VAULT_COMMANDS: readonly Command[] = [
  {
    name: "vault list",
    also: ["ls"],
    summary: "List the secrets, without their values",
    options: {
      long: { short: "l", negatable: true, help: "Full dates (default where the output is not a terminal)" },
      q: { help: "Only the names" },
    },
    examples: ["kontena vault list"],
    next: "kontena vault read NAME",
    run: list,
  },
  {
    name: "vault write",
    summary: "Write a new secret",
    positionals: [NAME, VALUE],
    options: SILENT,
    takesSecret: true,
    examples: [
      "kontena vault write LE_PRIVATE_KEY < priv_key.pem",
      'kontena vault write LE_PRIVATE_KEY "$(cat priv_key.pem)"',
    ],
    next: "kontena vault read NAME; to change it: kontena vault update NAME",
    run: write,
  },
  {
    name: "vault read",
    summary: "Print a secret with its value; the reading is logged",
    positionals: [NAME],
    options: { value: { help: "Only the value" } },
    examples: ["kontena vault read --value LE_CERTIFICATE_example_com_BUNDLE > example.com.pem"],
    next: "keep what holds a key where only its user can read it",
    run: read,
  },
  {
    name: "vault update",
    summary: "Write a new value of a secret",
    positionals: [NAME, VALUE],
    options: { upsert: { short: "u", help: "Write it also where there is no such secret" }, ...SILENT },
    takesSecret: true,
    examples: ["kontena vault update STATS_PASSWORD < password.txt"],
    next: "kontena vault read NAME",
    run: update,
  },
  {
    name: "vault remove",
    also: ["rm"],
    summary: "Remove secrets",
    positionals: [{ ...NAME, count: "many" }],
    options: { force: { help: "Do not ask" }, ...SILENT },
    examples: ["kontena vault rm OLD_SECRET", "kontena vault rm --force OLD_SECRET OLDER_SECRET"],
    next: "kontena vault list",
    run: remove,
  },
  ...EXCHANGE_COMMANDS,
];

async function list({ flag }: Input, { terminal, client, now }: World): Promise<void> {
  const answer = await client.get(path`v1/grids/${client.grid}/secrets`);
  const secrets = [...readList(answer, "secrets", readSecret)].sort((a, b) => a.name < b.name ? -1 : 1);
  terminal.out(
    flag("q") === true
      ? secrets.map(({ name }) => `${name}\n`).join("")
      : secretTable(secrets, flag("long") ?? !terminal.outIsTerminal, now),
  );
}

async function write(input: Input, world: World): Promise<void> {
  const name = nameOf(input);
  const value = await valueOf(input, world);
  const { client } = world;
  await shown(
    input,
    world,
    `Writing ${name} to the vault`,
    () => client.send("POST", path`v1/grids/${client.grid}/secrets`, { name, value }),
  );
}

async function read(input: Input, { terminal, client }: World): Promise<void> {
  const name = nameOf(input);
  const secret = readSecret(await known(name, client.get(path`v1/secrets/${client.grid}/${name}`)));
  terminal.out(input.flag("value") === true ? `${secret.value ?? ""}\n` : secretText(secret));
}

async function update(input: Input, world: World): Promise<void> {
  const name = nameOf(input);
  const value = await valueOf(input, world);
  const { client } = world;
  const body = { name, value, upsert: input.flag("upsert") ?? false };
  await shown(
    input,
    world,
    `Updating ${name} in the vault`,
    () => known(name, client.send("PUT", path`v1/secrets/${client.grid}/${name}`, body)),
  );
}

async function remove(input: Input, world: World): Promise<void> {
  const { client } = world;
  const names = input.args.map((arg) => parseSecretName(arg, "NAME"));
  for (const name of names) {
    await confirmName(name, input, world);
    await shown(
      input,
      world,
      `Removing ${name} from the vault`,
      () => known(name, client.send("DELETE", path`v1/secrets/${client.grid}/${name}`)),
    );
  }
}

function nameOf({ args: [name = ""] }: Input): string {
  return parseSecretName(name, "NAME");
}

async function valueOf({ args: [name, value] }: Input, { terminal }: World): Promise<string> {
  if (value !== undefined) return value;
  if (!terminal.inIsTerminal) return await terminal.readAll();
  terminal.err(`Enter value for secret '${name}': `);
  const typed = await terminal.readMasked();
  if (typed === undefined) throw new CommandError("No value was entered, nothing is changed");
  return typed;
}

async function shown<T>(input: Input, { terminal }: World, text: string, work: () => Promise<T>): Promise<T> {
  return input.flag("silent") === true ? await work() : await progress(terminal, text, work);
}

function known<T>(name: string, work: Promise<T>): Promise<T> {
  return explain(404, `secret: there is no ${name} (see: kontena vault list)`, work);
}
