/**
 * Reads compose files: the keys that ours use, and no other, so that none is passed over silently.
 *
 * @module
 */
import { parse } from "yaml";
import { type Owner, parseOwner } from "./dockerfile.ts";

/** A folder or a file that a service sees at `target`. */
export interface Mount {
  /** A named volume, or a path of the host relative to the compose file. */
  readonly source: string;
  readonly kind: "volume" | "path";
  readonly target: string;
  readonly readOnly: boolean;
}

/** One container. */
export interface Service {
  readonly name: string;
  readonly image: string;
  /** Built from the folder above rather than pulled. */
  readonly built: boolean;
  readonly user?: Owner;
  readonly groups: readonly number[];
  readonly environment: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly mounts: readonly Mount[];
  readonly readOnly: boolean;
  readonly dropsAllCapabilities: boolean;
  readonly gainsNoPrivileges: boolean;
  readonly ports: readonly string[];
  /** Services that have to be there before, and how far. */
  readonly after: Readonly<Record<string, "service_started" | "service_healthy">>;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads compose files, the later ones on top of the first, as `docker compose -f a -f b`.
 *
 * @param env What `${NAME}` stands for.
 * @throws {Error} If a variable is missing, or something is not known here.
 */
export function parseCompose(texts: readonly string[], env: Readonly<Record<string, string>>): readonly Service[] {
  const whole = texts.map((text) => interpolate(parse(text), env)).reduce(merge) as Fields;
  only(whole, ["name", "services", "volumes", "secrets"], "the file");
  const secrets = fields(whole["secrets"]);
  return Object.entries(fields(whole["services"])).map(([name, it]) => readService(name, fields(it), secrets));
}

/** `${A}`, `${A:-otherwise}`, `${A:?why it is needed}`; a variable that is empty counts as missing. */
export function interpolate(value: unknown, env: Readonly<Record<string, string>>): unknown {
  if (Array.isArray(value)) return value.map((it) => interpolate(it, env));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, interpolate(it, env)]));
  }
  if (typeof value !== "string") return value;
  return value.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, how: string | undefined, text: string) => {
    const found = env[name] ?? "";
    if (found === "" && how === "?") throw new Error(`required variable ${name} is missing a value: ${text}`);
    return found === "" && how === "-" ? text : found;
  });
}

const SERVICE_KEYS = [
  ...["image", "build", "restart", "user", "group_add", "environment", "command", "volumes", "secrets", "read_only"],
  ...["cap_drop", "security_opt", "ports", "depends_on"],
];

function readService(name: string, it: Fields, secrets: Fields): Service {
  only(it, SERVICE_KEYS, name);
  const after = Object.entries(fields(it["depends_on"])).map(([other, how]) => [other, fields(how)["condition"]]);
  return {
    name,
    image: String(it["image"]),
    built: it["build"] !== undefined,
    ...(it["user"] === undefined ? {} : { user: parseOwner(String(it["user"])) }),
    groups: list(it["group_add"]).map(Number),
    environment: Object.fromEntries(Object.entries(fields(it["environment"])).map(([key, to]) => [key, String(to)])),
    ...(it["command"] === undefined ? {} : { command: list(it["command"]) }),
    mounts: [
      ...list(it["volumes"]).map(readMount),
      ...list(it["secrets"]).map((secret) => secretMount(secret, secrets)),
    ],
    readOnly: it["read_only"] === true,
    dropsAllCapabilities: list(it["cap_drop"]).includes("ALL"),
    gainsNoPrivileges: list(it["security_opt"]).includes("no-new-privileges:true"),
    ports: list(it["ports"]),
    after: Object.fromEntries(after),
  };
}

function readMount(text: string): Mount {
  const [, source, target, access] = /^([^:]+):(\/[^:]*)(:ro)?$/.exec(text) ?? [];
  if (source === undefined || target === undefined) throw new Error(`Cannot mount ${JSON.stringify(text)}`);
  return { source, target, kind: /^[./]/.test(source) ? "path" : "volume", readOnly: access !== undefined };
}

/** Outside of a swarm a secret is a file of the host, mounted as it is. */
function secretMount(name: string, secrets: Fields): Mount {
  const file = fields(secrets[name])["file"];
  if (typeof file !== "string") throw new Error(`The secret ${name} has no file`);
  return { source: file, kind: "path", target: `/run/secrets/${name}`, readOnly: true };
}

/** Maps are joined, lists are put behind each other, all else is replaced (Compose specification, "Merge"). */
function merge(below: unknown, above: unknown): unknown {
  if (Array.isArray(below) && Array.isArray(above)) return [...below, ...above];
  if (!isFields(below) || !isFields(above)) return above;
  const joined = Object.entries(above).map(([key, it]) => [key, key in below ? merge(below[key], it) : it]);
  return { ...below, ...Object.fromEntries(joined) };
}

function only(it: Fields, known: readonly string[], where: string): void {
  const unknown = Object.keys(it).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new Error(`Cannot follow ${unknown} of ${where}`);
}

function fields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
