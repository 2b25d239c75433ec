import { InputError } from "../../src/model/errors.ts";
import { parseSecretName, type SecretName } from "../../src/model/secret_name.ts";
import { ApiError, path } from "./client.ts";
import { type Command, CommandError, type Input, type World } from "./command.ts";
import { confirmPlan } from "./confirm.ts";
import { readFlatYaml, writeFlatYaml } from "./flat_yaml.ts";
import { progress } from "./progress.ts";
import { readList, readSecret } from "./wire.ts";

/** `kontena vault export` and `kontena vault import`. */
export const EXCHANGE_COMMANDS: readonly Command[] = [
  {
    name: "vault export",
    summary: "Print all secrets with their values; each reading is logged",
    options: { json: { help: "As JSON (default: YAML)" } },
    examples: ["kontena vault export > vault.yml", "kontena vault export --json > vault.json"],
    next: "keep what holds secrets where only its user can read it; kontena vault import reads it again",
    run: exportSecrets,
  },
  {
    name: "vault import",
    summary: "Write secrets from a file or standard input: new ones, changed ones; null removes a secret",
    positionals: [{ name: "PATH", count: "optional", help: "The file; left out, standard input is read" }],
    options: {
      force: { help: "Do not ask" },
      json: { help: "It is JSON (default: YAML)" },
      "skip-null": { help: "Leave alone what is null" },
      "empty-is-null": { help: "Take an empty text for null" },
    },
    examples: ["kontena vault import vault.yml", "kontena vault import --force --json < vault.json"],
    next: "kontena vault list",
    run: importSecrets,
  },
];

async function exportSecrets({ flag }: Input, { terminal, client }: World): Promise<void> {
  const listed = readList(await client.get(path`v1/grids/${client.grid}/secrets`), "secrets", readSecret);
  const names = listed.map(({ name }) => name).sort();
  const entries: [string, string][] = [];
  for (const name of names) {
    entries.push([name, readSecret(await client.get(path`v1/secrets/${client.grid}/${name}`)).value ?? ""]);
  }
  const values = Object.fromEntries(entries);
  terminal.out(flag("json") === true ? `${JSON.stringify(values, null, 2)}\n` : writeFlatYaml(values));
}

async function importSecrets(input: Input, world: World): Promise<void> {
  const { updates, deletes } = changesOf(await readMap(input, world), input);
  if (updates.length + deletes.length === 0) return world.terminal.err("No updates found\n");
  await confirmPlan(
    ["About to..", ...count("IMPORT", updates.length), ...count("DELETE", deletes.length), ""].join("\n"),
    input,
    world,
  );
  const { terminal, client } = world;
  await inOrder(
    updates,
    "Updating",
    world,
    ([name, value]) => client.send("PUT", path`v1/secrets/${client.grid}/${name}`, { name, value, upsert: true }),
  );
  await inOrder(
    deletes,
    "Deleting",
    world,
    ([name]) => client.send("DELETE", path`v1/secrets/${client.grid}/${name}`).catch(unlessGone),
  );
  terminal.err(`${[...done("Imported", updates.length), ...done("deleted", deletes.length)].join(", ")}\n`);
}

/** What shall be done, all of it looked through before any of it is begun. */
function changesOf(map: ReadonlyMap<string, unknown>, { flag }: Input): {
  readonly updates: readonly (readonly [SecretName, string])[];
  readonly deletes: readonly (readonly [SecretName])[];
} {
  const all = [...map].map(([key, value]) => [parseSecretName(key, "NAME"), textOf(key, value)] as const);
  const isNull = (value: string | null): boolean => value === null || (value === "" && flag("empty-is-null") === true);
  const updates = all.flatMap(([name, value]) => value === null || isNull(value) ? [] : [[name, value] as const]);
  const blank = updates.find(([, value]) => value.trim() === "");
  if (blank !== undefined) throw new InputError(blank[0], "Value can't be blank", "see --empty-is-null");
  const deletes = all.filter(([, value]) => isNull(value)).map(([name]) => [name] as const);
  return { updates, deletes: flag("skip-null") === true ? [] : deletes };
}

function textOf(name: string, value: unknown): string | null {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new InputError(name, `Invalid value type for ${name}: only texts, numbers, true, false and null are possible`);
}

async function readMap(input: Input, { terminal, file }: World): Promise<ReadonlyMap<string, unknown>> {
  const [where] = input.args;
  const text = where === undefined ? await terminal.readAll() : file(where);
  if (text === undefined) throw new CommandError(`File not found: ${where}`);
  // JSON is YAML too, but not of the flat kind.
  return input.flag("json") === true || text.trimStart().startsWith("{") ? readJsonMap(text) : readFlatYaml(text);
}

function readJsonMap(text: string): ReadonlyMap<string, unknown> {
  const json = parseJson(text);
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return new Map(Object.entries(json));
  throw new InputError("JSON", "it is not one object of names and values", 'write {"NAME": "VALUE"}');
}

/** The parser's own words would quote the text. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One after the other; a failure says how far it got. */
async function inOrder<T extends readonly [SecretName, ...unknown[]]>(
  items: readonly T[],
  doing: string,
  { terminal }: World,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  for (const [i, item] of items.entries()) {
    try {
      await progress(terminal, `${doing} ${item[0]}`, () => work(item));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const so = `${item[0]}: ${i} of ${items.length} were done before it, those after it were not begun`;
      throw new ApiError(error.status, error.body, [...error.hints, so]);
    }
  }
}

function unlessGone(error: unknown): void {
  if (!(error instanceof ApiError) || error.status !== 404) throw error;
}

function count(what: string, number: number): readonly string[] {
  return number === 0 ? [] : [`  * ${what} ${number} ${number === 1 ? "secret" : "secrets"}`];
}

function done(what: string, number: number): readonly string[] {
  return number === 0 ? [] : [`${what} ${number} ${number === 1 ? "secret" : "secrets"}`];
}
