import { balancerPermissions } from "./balancers.ts";
import { type Config, ConfigError, variableNames } from "./config.ts";
import { type Environment, isLoopback } from "./config_values.ts";
import { dataDirectory } from "./identity.ts";
import { parseDnsServer } from "./net/dns_server.ts";

/** The Deno permissions that a configuration needs, and not one more. */
export interface Permissions {
  readonly net: readonly string[];
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly env: readonly string[];
  readonly run: readonly string[];
}

/**
 * Computes what the sidecar may touch.
 *
 * @param nameservers The system's resolvers, asked where `DNS_RESOLVERS` is not set.
 */
export function permissionsOf(config: Config, environment: Environment, nameservers: readonly string[]): Permissions {
  const balancers = config.balancers.map(balancerPermissions);
  const data = config.vault.kind === "memory" && config.vaultKey !== undefined && config.apiToken !== undefined
    ? []
    : [dataDirectory(config)];
  const beside = `${dataDirectory(config)}/`;
  const outbox = config.outbox === undefined || config.outbox.startsWith(beside) ? [] : [config.outbox];
  const files = variableNames().filter((name) => name.endsWith("_FILE")).flatMap((name) => environment.get(name) ?? []);
  const named = [config.caFile, config.rateLimitsFile].filter((path) => path !== undefined);
  return {
    net: unique([
      address(config.apiListen),
      address(config.challengeListen),
      ...config.challengeTlsListen === undefined ? [] : [address(config.challengeTlsListen)],
      ...config.directories.map(hostOf),
      ...config.acmeHosts,
      ...(config.resolvers.length > 0 ? config.resolvers : nameservers).map(dnsAddress),
      ...balancers.flatMap((it) => it.net),
    ]),
    read: unique([...data, ...outbox, ...named, ...files, ...balancers.flatMap((it) => it.read)]),
    write: unique([...data, ...outbox, ...balancers.flatMap((it) => it.write)]),
    env: [...variableNames()],
    run: unique(balancers.flatMap((it) => it.run)),
  };
}

/**
 * The flags of `deno run`; beside the permissions one that lets a request's signal abort only when the caller went away.
 *
 * @throws {ConfigError} If a value cannot be granted without granting something else.
 */
export function flagsOf({ net, read, write, env, run }: Permissions): readonly string[] {
  // Deno takes what stands behind a comma for another value, and knows no way to write one that has a comma; whoever reads
  // the flags a line each would take a line break for the next one.
  const ambiguous = unique([...net, ...read, ...write, ...run].filter((value) => /[,\n\r]/.test(value)));
  if (ambiguous.length > 0) {
    throw new ConfigError(
      ambiguous.map((it) => `${JSON.stringify(it)} has a comma or a line break (use another name)`),
    );
  }
  const flag = (name: string, values: readonly string[]): readonly string[] =>
    values.length === 0 ? [] : [`--allow-${name}=${values.join(",")}`];
  return [
    "--unstable-no-legacy-abort",
    "--no-prompt",
    "--allow-sys=uid,gid", // who we are, for errors about rights
    ...flag("net", net),
    ...flag("read", read),
    ...flag("write", write),
    ...flag("env", env),
    ...flag("run", run),
  ];
}

/** Reads the servers out of the text of `resolv.conf`. */
export function nameserversOf(resolvConf: string): readonly string[] {
  return [...resolvConf.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((found) => found[1]!.replace(/%.*$/, ""));
}

function hostOf(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? "443" : "80")}`;
}

function address({ hostname, port }: Config["apiListen"]): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  // Port 0 is chosen by the system: only the host can be named beforehand.
  return port === 0 && isLoopback(hostname) ? host : `${host}:${port}`;
}

function dnsAddress(server: string): string {
  const { ipAddr, port } = parseDnsServer(server);
  return ipAddr.includes(":") ? `[${ipAddr}]:${port}` : `${ipAddr}:${port}`;
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
