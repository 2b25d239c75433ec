/**
 * A balancer's URL, part by part: `scheme://where?parameter=value&…`. Every fault names the balancer and what to write.
 *
 * @module
 */
import defer * as nodeCrypto from "node:crypto";
import { InputError } from "../../src/model/errors.ts";
import type { Endpoint } from "../net/connection.ts";
import type { ProxyVersion } from "../net/proxy_header.ts";
import { baseName } from "./paths.ts";

/** Makes the error for a fault; without `todo` it shows how such a URL is written. */
export type Refuse = (why: string, todo?: string) => InputError;

/** A URL whose parameters are known, each there at most once and not empty. */
export interface BalancerUrl<P extends string> {
  readonly url: URL;
  readonly refuse: Refuse;
  /** The text of a parameter. */
  value(parameter: P): string | undefined;
  /** A path, absolute and without a final slash. */
  path(parameter: P): string | undefined;
  /** `host:port`. */
  endpoint(parameter: P): Endpoint | undefined;
}

/** What Deno has to be allowed for a balancer. */
export interface Permissions {
  readonly net: readonly string[];
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** Programs, by their whole path. */
  readonly run: readonly string[];
}

/** How a balancer is reloaded. */
export type Reload =
  | { readonly by: "master"; readonly socket: string }
  | { readonly by: "command"; readonly program: string; readonly args: readonly string[] };

/** What HAProxy reads as one word, on its command line and in a crt-list: no space, quote, `;`, `#`, `<`, `[` or backslash. */
const WORD = /^[A-Za-z0-9_.@%+:,=~/-]+$/;

/**
 * Takes a URL apart.
 *
 * @param name The balancer's name in `LOAD_BALANCERS`.
 * @param example What to do where nothing more exact can be said.
 * @throws {InputError} If it is not a URL, or has a parameter that is unknown, empty or there twice.
 */
export function readBalancerUrl<const P extends string>(
  name: string,
  text: string,
  parameters: readonly P[],
  example: string,
): BalancerUrl<P> {
  const refuse: Refuse = (why, todo = example) =>
    new InputError("load_balancers", `Cannot use load balancer ${JSON.stringify(name)}: ${why}`, todo);
  const url = URL.parse(text);
  if (url === null) throw refuse("its URL cannot be read");
  if (url.username !== "" || url.password !== "" || url.hash !== "") {
    throw refuse("it has a user, password or fragment");
  }
  const values = readParameters(url, parameters, refuse);
  const read = <T>(parameter: P, parse: (text: string, what: string, refuse: Refuse) => T): T | undefined => {
    const value = values.get(parameter);
    return value === undefined ? undefined : parse(value, `${parameter}=`, refuse);
  };
  return {
    url,
    refuse,
    value: (parameter) => values.get(parameter),
    path: (parameter) => read(parameter, readPath),
    endpoint: (parameter) => read(parameter, readEndpoint),
  };
}

/** Reads a path; relative ones are from the working directory. */
export function readPath(value: string, what: string, refuse: Refuse): string {
  if (!WORD.test(value) || value.split("/").includes("..")) {
    const shown = JSON.stringify(value.slice(0, 80));
    throw refuse(
      `${what} is ${shown}, a path that HAProxy's runtime API cannot take`,
      "use letters, digits, _ . - and /",
    );
  }
  const absolute = value.startsWith("/") ? value : `${Deno.cwd()}/${value.replace(/^\.\//, "")}`;
  const path = absolute.replace(/\/+/g, "/").replace(/\/$/, "");
  if (path === "") throw refuse(`${what} is the root directory`, "name a folder or file in it");
  return path;
}

/** Reads `host:port`; an IPv6 address stands in brackets. */
export function readEndpoint(value: string, what: string, refuse: Refuse): Endpoint {
  const [, hostname, digits] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(value) ?? [];
  const port = Number(digits);
  if (hostname === undefined || !(port >= 1 && port <= 65_535)) {
    throw refuse(
      `${what} is ${JSON.stringify(value.slice(0, 80))}, not host:port`,
      "write it like 127.0.0.1:443 or [::1]:443",
    );
  }
  return { hostname: hostname.replace(/^\[|\]$/g, ""), port };
}

/** Writes `host:port`. */
export function hostPort({ hostname, port }: Endpoint): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** Tells configurations of a balancer apart. */
export function configSum(config: unknown): string {
  return nodeCrypto.createHash("sha256").update(JSON.stringify(config)).digest("hex").slice(0, 8);
}

/** Reads `probe-proxy=`. */
export function readProxy(value: string | undefined, refuse: Refuse): ProxyVersion | undefined {
  if (value === undefined || value === "v1" || value === "v2") return value;
  throw refuse(`probe-proxy= is ${JSON.stringify(value.slice(0, 40))}`, "use v1 or v2");
}

/** Reads `default=`: the base name of a file. */
export function readDefault(value: string | undefined, refuse: Refuse): string | undefined {
  const file = value === undefined ? undefined : baseName(value);
  if (file !== undefined && !/^[\w.-]+$/.test(file)) {
    throw refuse("default= is not the name of a file", "use its base name");
  }
  return file;
}

/**
 * Reads `reload=`: the socket of HAProxy's master, whose name ends with `.sock`, or a command. It is not read by a shell: words
 * are separated by spaces, and the first is the whole path of a program, which is what the sidecar is allowed to run.
 */
export function readReload(value: string | undefined, refuse: Refuse): Reload | undefined {
  if (value === undefined) return undefined;
  const [program = "", ...args] = value.split(" ");
  const bad = [program, ...args].find((word) => !WORD.test(word));
  if (bad !== undefined || !program.startsWith("/") || program.split("/").includes("..")) {
    throw refuse(
      `reload= is ${JSON.stringify(value.slice(0, 80))}, neither a socket nor a command that can be run`,
      "write the whole path of the master's socket (its name ends with .sock), or of a program and its words",
    );
  }
  const isSocket = args.length === 0 && program.endsWith(".sock");
  return isSocket ? { by: "master", socket: program } : { by: "command", program, args };
}

/** What stands in a URL percent-encoded. */
export function decoded(text: string, refuse: Refuse): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refuse("its URL is not percent-encoded as it should be");
  }
}

function readParameters<P extends string>(
  url: URL,
  parameters: readonly P[],
  refuse: Refuse,
): ReadonlyMap<P, string> {
  const values = new Map<P, string>();
  for (const [key, value] of url.searchParams) {
    const parameter = parameters.find((it) => it === key);
    const shown = JSON.stringify(key.slice(0, 40));
    if (parameter === undefined) throw refuse(`${shown} is not a parameter`, `use ${parameters.join(", ")}`);
    if (values.has(parameter)) throw refuse(`${parameter}= is there twice`, "leave one of them out");
    if (value === "") throw refuse(`${parameter}= is empty`, "give it a value or leave it out");
    values.set(parameter, value);
  }
  return values;
}
