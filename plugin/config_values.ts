/**
 * How single values of the configuration are read. None of them quotes a secret.
 *
 * @module
 */
import { parseDnsNames } from "../src/model/dns_name.ts";
import { InputError } from "../src/model/errors.ts";
import type { KeyType } from "../src/model/key_type.ts";
import { LETSENCRYPT_LIMITS, readRateLimits } from "../src/model/rate_limits.ts";
import type { RateLimit } from "../src/model/rates.ts";
import type { Intent } from "../src/model/records.ts";
import { defaultSecretName } from "../src/model/secret_name.ts";
import { type BalancerConfig, parseBalancer } from "./balancers.ts";
import { parseDnsServer } from "./net/dns_server.ts";

/** Where the environment's words come from; files are those that `NAME_FILE` names. */
export interface Environment {
  get(name: string): string | undefined;
  readFile(path: string): string;
}

/** Where secrets or state are kept. */
export type StoreUrl = { readonly kind: "sqlite"; readonly path: string } | { readonly kind: "memory" };

/** Limits, and the file that they were read from. */
export interface ReadLimits {
  readonly rateLimits: readonly RateLimit[];
  readonly rateLimitsFile?: string;
}

/** The CAs that have a name here. */
const DIRECTORIES: Readonly<Record<string, string>> = {
  "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
  "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
};

/** Tells whether only this machine can reach the address. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127\./.test(hostname);
}

/** Declared certificates go to every balancer that is configured. */
export function declared(text: string, keyType: KeyType, balancers: readonly BalancerConfig[]): readonly Intent[] {
  return text.split(/[;\n]/).map(words).filter((names) => names.length > 0).map((list) => {
    const names = parseDnsNames(list, "CERTIFICATES");
    const secretName = defaultSecretName(names[0]);
    return { names, keyType, secretName, certType: "fullchain", balancers: balancers.map((it) => it.name) };
  });
}

/** Reads `name=url`. */
export function balancer(word: string): BalancerConfig {
  const at = word.indexOf("=");
  if (at < 1) throw new InputError("LOAD_BALANCERS", `${JSON.stringify(word)} has no name`, "write name=url");
  return parseBalancer(word.slice(0, at), word.slice(at + 1));
}

/** Reads one or more directories of CAs. */
export function directories(text: string): readonly [URL, ...URL[]] {
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
export function usualLimits(directory: URL): readonly RateLimit[] {
  return directory.host === new URL(DIRECTORIES["letsencrypt"]!).host ? LETSENCRYPT_LIMITS : [];
}

/** Reads the name of limits, or the file that has them. */
export function rateLimits(text: string, environment: Environment): ReadLimits {
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

/** Reads where secrets or state are kept. */
export function storeUrl(text: string): StoreUrl {
  if (text === "memory:") return { kind: "memory" };
  const path = /^sqlite:(.+)$/.exec(text)?.[1];
  if (path === undefined) {
    throw new RangeError(`${JSON.stringify(text)} is not known (write sqlite:data/vault.db or memory:)`);
  }
  return { kind: "sqlite", path: decodeURIComponent(path) };
}

/** The path of something in the folder of a file. */
export function beside(path: string, name: string): string {
  return path.replace(/[^/]*$/, name);
}

/** Reads where the state is kept, which depends on where the secrets are. */
export function ledgerUrl(text: string, vault: StoreUrl): StoreUrl {
  const ledger = storeUrl(text);
  const same = ledger.kind === "memory" || (vault.kind === "sqlite" && vault.path === ledger.path);
  if (!same) throw new RangeError("an sqlite ledger is in the vault's file (leave LEDGER_URL out)");
  return ledger;
}

/** Reads the addresses of DNS servers. */
export function resolvers(text: string): readonly string[] {
  const servers = words(text);
  for (const server of servers) parseDnsServer(server, "DNS_RESOLVERS");
  return servers;
}

/** Reads an e-mail address. */
export function email(text: string): string {
  if (!/^[^\s@,?]+@[^\s@,?]+$/.test(text)) throw new RangeError(`${JSON.stringify(text)} is not an e-mail address`);
  return text;
}

/** Reads the token of the API; it is not quoted. */
export function token(value: string): string {
  if (!/^[\x21-\x7e]{16,}$/.test(value)) {
    throw new RangeError("it needs 16 or more printable characters without spaces");
  }
  return value;
}

/** Reads the name of a grid. */
export function grid(text: string): string {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) throw new RangeError(`${JSON.stringify(text)} is not letters, digits, _ and -`);
  return text;
}

/** Takes a text of that length or more; it is not quoted. */
export function atLeast(value: string, length: number): string {
  if (value.length < length) throw new RangeError(`it has ${value.length} characters, the least is ${length}`);
  return value;
}

/** Reads true or false. */
export function yesOrNo(text: string): boolean {
  return among(text.toLowerCase(), ["true", "false"]) === "true";
}

/** Takes one of some words. */
export function among<const T extends string>(text: string, allowed: readonly T[]): T {
  const found = allowed.find((it) => it === text);
  if (found === undefined) throw new RangeError(`${JSON.stringify(text)} is none of ${allowed.join(", ")}`);
  return found;
}

/** Splits at white space. */
export function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
