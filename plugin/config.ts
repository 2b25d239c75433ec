/**
 * The configuration: one table that reads the environment and prints the manual. Nothing below this file reads the
 * environment.
 *
 * @module
 */
import { type ChallengeType, parseChallengeType } from "../src/model/challenge_type.ts";
import { parseDnsNames } from "../src/model/dns_name.ts";
import { describe, InputError } from "../src/model/errors.ts";
import { type KeyType, parseKeyType } from "../src/model/key_type.ts";
import { LETSENCRYPT_LIMITS, readRateLimits } from "../src/model/rate_limits.ts";
import type { RateLimit } from "../src/model/rates.ts";
import type { Intent } from "../src/model/records.ts";
import { defaultSecretName } from "../src/model/secret_name.ts";
import { given } from "../src/model/shape.ts";
import { type BalancerConfig, parseBalancer } from "./balancers.ts";
import { type Listen, parseListen } from "./net/listen.ts";
import { parseDnsServer } from "./net/dns_server.ts";

/** Where the environment's words come from; files are those that `NAME_FILE` names. */
export interface Environment {
  get(name: string): string | undefined;
  readFile(path: string): string;
}

/** Everything the operator can decide, read and checked. */
export interface Config {
  readonly directories: readonly [URL, ...URL[]];
  readonly caFile?: string;
  readonly acmeHosts: readonly string[];
  readonly email?: string;
  readonly agreeTos: boolean;
  readonly rateLimits: readonly RateLimit[];
  /** The file that they were read from. */
  readonly rateLimitsFile?: string;
  readonly eabKid?: string;
  /** Secret. */
  readonly eabHmacKey?: string;
  readonly profile?: string;
  readonly preferredChain?: string;
  readonly keyType: KeyType;
  readonly certificates: readonly Intent[];
  readonly challenges: readonly ChallengeType[];
  readonly balancers: readonly BalancerConfig[];
  readonly resolvers: readonly string[];
  readonly vault: StoreUrl;
  /** Secret. */
  readonly vaultKey?: string;
  /** Folder of the outbox; absent: none, as the vault does not outlive the process. */
  readonly outbox?: string;
  readonly ledger: StoreUrl;
  readonly apiListen: Listen;
  readonly apiInsecure: boolean;
  /** Secret. */
  readonly apiToken?: string;
  readonly challengeListen: Listen;
  /** Where the sidecar itself answers tls-sni-01; absent: nowhere. */
  readonly challengeTlsListen?: Listen;
  readonly grid: string;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly logFormat?: "text" | "json";
}

/** Where secrets or state are kept. */
export type StoreUrl = { readonly kind: "sqlite"; readonly path: string } | { readonly kind: "memory" };

/** All faults of a configuration at once; the message has one line each and quotes no secret. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`Cannot read the configuration:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
    this.faults = faults;
  }
}

/** One variable of the environment. */
interface Variable {
  readonly name: string;
  readonly also?: string;
  readonly secret?: true;
  readonly usual?: string;
  readonly meaning: string;
}

/** The table: what can be set, in the order of the manual. */
export const VARIABLES = [
  {
    name: "ACME_DIRECTORY_URL",
    also: "ACME_ENDPOINT",
    usual: "letsencrypt",
    meaning: "URL of the CA's directory, or letsencrypt, letsencrypt-staging; the first of several is used",
  },
  { name: "ACME_CA_FILE", meaning: "PEM roots trusted for the CA's own HTTPS, and for nothing else" },
  { name: "ACME_HOSTS", meaning: "further hosts that the CA's URLs may name, separated by spaces" },
  { name: "ACME_EMAIL", meaning: "contact address for the registration at start" },
  {
    name: "ACME_AGREE_TOS",
    usual: "false",
    meaning: "true: the CA's terms are agreed to, and an account is made when needed",
  },
  { name: "ACME_EAB_KID", meaning: "key id of the external account binding" },
  {
    name: "ACME_EAB_HMAC_KEY",
    secret: true,
    meaning: "its MAC key, base64url as the CA gave it; also the vault secret of that name",
  },
  {
    name: "RATE_LIMITS",
    usual: "letsencrypt there, elsewhere off",
    meaning: "limits of the CA that are kept: letsencrypt, off, or the path of a JSON file; Retry-After always binds",
  },
  {
    name: "ACME_PROFILE",
    meaning: "preferred certificate profile; where the CA does not offer it, its default is taken",
  },
  { name: "ACME_PREFERRED_CHAIN", meaning: "common name of an issuer that the chain shall contain" },
  { name: "KEY_TYPE", usual: "ec-256", meaning: "ec-256, ec-384, rsa-2048, rsa-3072 or rsa-4096" },
  {
    name: "CERTIFICATES",
    meaning:
      "declared certificates: names separated by spaces, certificates by ; or newline; the first name is the subject",
  },
  {
    name: "CHALLENGE",
    usual: "tls-alpn-01 http-01",
    meaning: "order of preference for declared certificates and request",
  },
  { name: "LOAD_BALANCERS", meaning: "name=url, separated by spaces; the URL is percent-encoded" },
  {
    name: "DNS_RESOLVERS",
    usual: "the system's",
    meaning: "ip[:port], separated by spaces; when set, they alone are asked",
  },
  { name: "VAULT_URL", usual: "sqlite:data/vault.db", meaning: "sqlite:PATH or memory:" },
  {
    name: "VAULT_KEY",
    secret: true,
    usual: "made as vault.key beside the vault",
    meaning: "seals the secrets: any text of 32 characters or more",
  },
  {
    name: "VAULT_OUTBOX",
    usual: "outbox beside the vault",
    meaning: "folder where sealed secrets wait while the vault is away; best on another disk",
  },
  { name: "LEDGER_URL", usual: "the vault's", meaning: "memory:, or sqlite: and the vault's path" },
  { name: "API_LISTEN", usual: "127.0.0.1:9292", meaning: "address of the management API" },
  { name: "API_INSECURE", usual: "false", meaning: "true: the API may listen off loopback without TLS" },
  {
    name: "API_TOKEN",
    secret: true,
    usual: "made as token beside the vault",
    meaning: "bearer token of the API: 16 or more printable characters",
  },
  { name: "CHALLENGE_HTTP_LISTEN", usual: "127.0.0.1:54322", meaning: "address that answers http-01" },
  {
    name: "CHALLENGE_TLS_LISTEN",
    usual: "off",
    meaning: "address that answers tls-sni-01; open only while such a challenge is pending",
  },
  { name: "GRID", also: "KONTENA_GRID_NAME", usual: "default", meaning: "the grid in the API's paths" },
  { name: "LOG_LEVEL", usual: "info", meaning: "debug, info, warn or error" },
  { name: "LOG_FORMAT", usual: "text on a terminal, else json", meaning: "text or json" },
] as const satisfies readonly Variable[];

type Name = (typeof VARIABLES)[number]["name"];

const DIRECTORIES: Readonly<Record<string, string>> = {
  "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
  "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
};

/** All names that the environment may set, those of files included. */
export function variableNames(): readonly string[] {
  return VARIABLES.flatMap((
    it: Variable,
  ) => [it.name, ...(it.also ? [it.also] : []), ...(it.secret ? [`${it.name}_FILE`] : [])]);
}

/** The manual: one row a variable, as Markdown. */
export function configManual(): string {
  const rows = VARIABLES.map((it: Variable) => {
    const names = [it.name, ...(it.also ? [it.also] : [])].map((name) => `\`${name}\``).join(" or ");
    const file = it.secret ? ` (also \`${it.name}_FILE\`)` : "";
    return `| ${names}${file} | ${it.usual ?? ""} | ${it.meaning} |`;
  });
  return ["| variable | default | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

/**
 * Reads the whole configuration.
 *
 * @throws {ConfigError} With every fault that there is.
 */
export function readConfig(environment: Environment): Config {
  const faults: string[] = [];
  const raw = (name: Name): string | undefined => lookUp(environment, name, faults);
  const read = <T>(name: Name, otherwise: T, parse: (text: string) => T): T => {
    const text = raw(name);
    if (text === undefined) return otherwise;
    try {
      return parse(text);
    } catch (error) {
      faults.push(`${name}: ${describe(error)}`);
      return otherwise;
    }
  };
  const balancers = read("LOAD_BALANCERS", [], (text) => words(text).map(balancer));
  const keyType = read("KEY_TYPE", "ec-256", (text) => parseKeyType(text, "KEY_TYPE"));
  const vault = read("VAULT_URL", { kind: "sqlite", path: "data/vault.db" }, storeUrl);
  const directoryUrls = read("ACME_DIRECTORY_URL", [new URL(DIRECTORIES["letsencrypt"]!)], directories);
  const config: Config = {
    directories: directoryUrls,
    ...given("caFile", raw("ACME_CA_FILE")),
    acmeHosts: read("ACME_HOSTS", [], words),
    ...given("email", read("ACME_EMAIL", undefined, email)),
    agreeTos: read("ACME_AGREE_TOS", false, yesOrNo),
    ...read("RATE_LIMITS", { rateLimits: usualLimits(directoryUrls[0]) }, (it) => rateLimits(it, environment)),
    ...given("eabKid", raw("ACME_EAB_KID")),
    ...given("eabHmacKey", raw("ACME_EAB_HMAC_KEY")),
    ...given("profile", raw("ACME_PROFILE")),
    ...given("preferredChain", raw("ACME_PREFERRED_CHAIN")),
    keyType,
    certificates: read("CERTIFICATES", [], (it) => declared(it, keyType, balancers)),
    challenges: read(
      "CHALLENGE",
      ["tls-alpn-01", "http-01"],
      (it) => words(it).map((type) => parseChallengeType(type, "CHALLENGE")),
    ),
    balancers,
    resolvers: read("DNS_RESOLVERS", [], resolvers),
    vault,
    ...given("vaultKey", read("VAULT_KEY", undefined, (it) => atLeast(it, 32))),
    ...given("outbox", vault.kind === "memory" ? undefined : raw("VAULT_OUTBOX") ?? beside(vault.path, "outbox")),
    ledger: read("LEDGER_URL", vault, (it) => ledgerUrl(it, vault)),
    apiListen: read("API_LISTEN", { hostname: "127.0.0.1", port: 9292 }, (it) => parseListen(it, "API_LISTEN")),
    apiInsecure: read("API_INSECURE", false, yesOrNo),
    ...given("apiToken", read("API_TOKEN", undefined, token)),
    challengeListen: read(
      "CHALLENGE_HTTP_LISTEN",
      { hostname: "127.0.0.1", port: 54322 },
      (it) => parseListen(it, "CHALLENGE_HTTP_LISTEN"),
    ),
    ...given(
      "challengeTlsListen",
      read("CHALLENGE_TLS_LISTEN", undefined, (it) => parseListen(it, "CHALLENGE_TLS_LISTEN")),
    ),
    grid: read("GRID", "default", grid),
    logLevel: read("LOG_LEVEL", "info", (it) => among(it, ["debug", "info", "warn", "error"])),
    ...given("logFormat", read("LOG_FORMAT", undefined, (it) => among(it, ["text", "json"]))),
  };
  faults.push(...contradictions(config));
  if (faults.length > 0) throw new ConfigError(faults);
  return config;
}

/** Tells whether only this machine can reach the address. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127\./.test(hostname);
}

function lookUp(environment: Environment, name: Name, faults: string[]): string | undefined {
  const variable: Variable = VARIABLES.find((it) => it.name === name)!;
  const value = environment.get(name) ?? (variable.also === undefined ? undefined : environment.get(variable.also));
  if (value !== undefined && value.trim() !== "") return value.trim();
  const file = variable.secret ? environment.get(`${name}_FILE`) : undefined;
  if (file === undefined || file === "") return undefined;
  try {
    return environment.readFile(file).trim();
  } catch (error) {
    faults.push(`${name}_FILE: cannot read ${JSON.stringify(file)}: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

function contradictions(config: Config): readonly string[] {
  const faults: string[] = [];
  if (!isLoopback(config.apiListen.hostname) && !config.apiInsecure) {
    faults.push(
      `API_LISTEN: ${config.apiListen.hostname} is not loopback and the API has no TLS` +
        ` (listen on 127.0.0.1 behind a TLS balancer, or set API_INSECURE=true)`,
    );
  }
  const hasKid = config.eabKid !== undefined;
  if (!hasKid && config.eabHmacKey !== undefined) faults.push("ACME_EAB_KID: is not set, but ACME_EAB_HMAC_KEY is");
  const names = config.balancers.map((it) => it.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) faults.push(`LOAD_BALANCERS: ${twice} is there twice`);
  return faults;
}

/** Declared certificates go to every balancer that is configured. */
function declared(text: string, keyType: KeyType, balancers: readonly BalancerConfig[]): readonly Intent[] {
  return text.split(/[;\n]/).map(words).filter((names) => names.length > 0).map((list) => {
    const names = parseDnsNames(list, "CERTIFICATES");
    const secretName = defaultSecretName(names[0]);
    return { names, keyType, secretName, certType: "fullchain", balancers: balancers.map((it) => it.name) };
  });
}

function balancer(word: string): BalancerConfig {
  const at = word.indexOf("=");
  if (at < 1) throw new InputError("LOAD_BALANCERS", `${JSON.stringify(word)} has no name`, "write name=url");
  return parseBalancer(word.slice(0, at), word.slice(at + 1));
}

function directories(text: string): readonly [URL, ...URL[]] {
  const [first, ...others] = words(text).map(directory);
  if (first === undefined) throw new RangeError("it is empty");
  return [first, ...others];
}

function directory(word: string): URL {
  const url = URL.parse(DIRECTORIES[word] ?? word);
  if (url === null) throw new SyntaxError(`${JSON.stringify(word)} is not a URL (try letsencrypt)`);
  if (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname))) return url;
  throw new RangeError(`${JSON.stringify(word)} is not https (RFC 8555 section 6.1)`);
}

/** Staging has limits of its own, far wider ones. */
function usualLimits(directory: URL): readonly RateLimit[] {
  return directory.host === new URL(DIRECTORIES["letsencrypt"]!).host ? LETSENCRYPT_LIMITS : [];
}

function rateLimits(text: string, environment: Environment): Pick<Config, "rateLimits" | "rateLimitsFile"> {
  if (text === "letsencrypt") return { rateLimits: LETSENCRYPT_LIMITS };
  if (text === "off") return { rateLimits: [] };
  const path = JSON.stringify(text);
  let written;
  try {
    written = environment.readFile(text);
  } catch (error) {
    throw new RangeError(
      `cannot read ${path}: ${
        error instanceof Error ? error.message : error
      } (write letsencrypt, off or the path of a file)`,
    );
  }
  try {
    return { rateLimits: readRateLimits(JSON.parse(written)), rateLimitsFile: text };
  } catch (error) {
    throw new SyntaxError(`${path}: ${error instanceof Error ? error.message : error}`);
  }
}

function storeUrl(text: string): StoreUrl {
  if (text === "memory:") return { kind: "memory" };
  const path = /^sqlite:(.+)$/.exec(text)?.[1];
  if (path === undefined) {
    throw new RangeError(`${JSON.stringify(text)} is not known (write sqlite:data/vault.db or memory:)`);
  }
  return { kind: "sqlite", path: decodeURIComponent(path) };
}

function beside(path: string, name: string): string {
  return path.replace(/[^/]*$/, name);
}

function ledgerUrl(text: string, vault: StoreUrl): StoreUrl {
  const ledger = storeUrl(text);
  const same = ledger.kind === "memory" || (vault.kind === "sqlite" && vault.path === ledger.path);
  if (!same) throw new RangeError("an sqlite ledger is in the vault's file (leave LEDGER_URL out)");
  return ledger;
}

function resolvers(text: string): readonly string[] {
  const servers = words(text);
  for (const server of servers) parseDnsServer(server, "DNS_RESOLVERS");
  return servers;
}

function email(text: string): string {
  if (!/^[^\s@,?]+@[^\s@,?]+$/.test(text)) throw new RangeError(`${JSON.stringify(text)} is not an e-mail address`);
  return text;
}

function token(value: string): string {
  if (!/^[\x21-\x7e]{16,}$/.test(value)) {
    throw new RangeError("it needs 16 or more printable characters without spaces");
  }
  return value;
}

function grid(text: string): string {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) throw new RangeError(`${JSON.stringify(text)} is not letters, digits, _ and -`);
  return text;
}

function atLeast(value: string, length: number): string {
  if (value.length < length) throw new RangeError(`it has ${value.length} characters, the least is ${length}`);
  return value;
}

function yesOrNo(text: string): boolean {
  return among(text.toLowerCase(), ["true", "false"]) === "true";
}

function among<const T extends string>(text: string, allowed: readonly T[]): T {
  const found = allowed.find((it) => it === text);
  if (found === undefined) throw new RangeError(`${JSON.stringify(text)} is none of ${allowed.join(", ")}`);
  return found;
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
