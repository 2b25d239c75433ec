/**
 * The configuration: one table that reads the environment and prints the manual. Nothing below this file reads the
 * environment.
 *
 * @module
 */
import { type ChallengeType, parseChallengeType } from "../src/model/challenge_type.ts";
import { describe } from "../src/model/errors.ts";
import { type KeyTypes, parseKeyTypes } from "../src/model/key_type.ts";
import type { Intent } from "../src/model/records.ts";
import { given } from "../src/model/shape.ts";
import type { BalancerConfig } from "./balancers.ts";
import {
  among,
  atLeast,
  balancer,
  beside,
  declared,
  directories,
  email,
  type Environment,
  grid,
  isLoopback,
  ledgerUrl,
  rateLimits,
  type ReadLimits,
  resolvers,
  type StoreUrl,
  storeUrl,
  token,
  usualLimits,
  words,
  yesOrNo,
} from "./config_values.ts";
import { type Listen, parseListen } from "./net/listen.ts";

/** Everything the operator can decide, read and checked. */
export interface Config extends ReadLimits {
  readonly directories: readonly [URL, ...URL[]];
  readonly caFile?: string;
  readonly acmeHosts: readonly string[];
  readonly email?: string;
  readonly agreeTos: boolean;
  readonly eabKid?: string;
  /** Secret. */
  readonly eabHmacKey?: string;
  readonly profile?: string;
  readonly preferredChain?: string;
  readonly keyTypes: KeyTypes;
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
  {
    name: "KEY_TYPE",
    usual: "ec-256",
    meaning: "ec-256, ec-384, rsa-2048, rsa-3072 or rsa-4096; an EC and an RSA type: each certificate comes with both",
  },
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
  const keyTypes = read("KEY_TYPE", ["ec-256"], (text) => parseKeyTypes(text, "KEY_TYPE"));
  const vault = read("VAULT_URL", { kind: "sqlite", path: "data/vault.db" }, storeUrl);
  const directoryUrls = read("ACME_DIRECTORY_URL", directories("letsencrypt"), directories);
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
    keyTypes,
    certificates: read("CERTIFICATES", [], (it) => declared(it, keyTypes[0], balancers)),
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
