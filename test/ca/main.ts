/**
 * Runs the test authority from the command line until it is told to stop.
 *
 * @module
 */
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import { type AuthorityOptions, dnsServer, startAuthority, type TestAuthority } from "./mod.ts";

/** What can be told, as `--name` or as `CA_NAME` in the environment; the flag wins. */
const FLAGS = {
  listen: "address:port, default 127.0.0.1:14000",
  tls: "https, by a certificate of its own",
  like: "boulder or pebble",
  seed: "all chance follows from it",
  "http-port": "where http-01 is asked for, default 80",
  "tls-port": "where tls-alpn-01 and tls-sni-01 are asked for, default 443",
  resolver: "DNS server as address:port; without it every name is 127.0.0.1",
  challenges: "types that are offered, separated by spaces",
  "nonce-reject": "share of good nonces that are refused, 0 to 1",
  root: "file that the root of the issued certificates is written to",
  "tls-root": "file that the root of its own https is written to",
} as const;

type Flag = keyof typeof FLAGS;

/** What the command line says. */
export interface Command {
  readonly options: AuthorityOptions;
  readonly root?: string;
  readonly tlsRoot?: string;
}

/**
 * Reads flags and environment.
 *
 * @throws {TypeError} If a flag is unknown; {@link SyntaxError} if a value cannot be read.
 */
export function readCommand(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Command {
  const { values } = parseArgs({
    args: [...args],
    options: Object.fromEntries(Object.keys(FLAGS).map((it) => [it, { type: it === "tls" ? "boolean" : "string" }])),
  });
  const text = (flag: Flag): string | undefined => {
    const value = values[flag] ?? env[`CA_${flag.toUpperCase().replaceAll("-", "_")}`];
    return value === undefined || value === "" ? undefined : String(value);
  };
  const listen = new URL(`http://${text("listen") ?? "127.0.0.1:14000"}`);
  const resolver = text("resolver");
  return {
    options: {
      hostname: listen.hostname.replace(/^\[|\]$/g, ""),
      port: Number(listen.port || "80"),
      tls: text("tls") === "true",
      ...given("like", text("like"), choice("boulder", "pebble")),
      ...given("seed", text("seed"), String),
      ...given("httpPort", text("http-port"), port),
      ...given("tlsPort", text("tls-port"), port),
      ...given("nonceReject", text("nonce-reject"), share),
      ...given("challenges", text("challenges"), (list) => list.split(/\s+/).map(challengeType)),
      ...(resolver === undefined ? {} : { resolver: dnsServer(resolver) }),
    },
    ...given("root", text("root"), String),
    ...given("tlsRoot", text("tls-root"), String),
  };
}

const challengeType = choice("http-01", "dns-01", "tls-alpn-01", "tls-sni-01");

function given<K extends string, T>(name: K, text: string | undefined, read: (text: string) => T): { [P in K]?: T } {
  return (text === undefined ? {} : { [name]: read(text) }) as { [P in K]?: T };
}

function choice<const T extends string>(...all: readonly T[]): (text: string) => T {
  return (text) => {
    const found = all.find((it) => it === text);
    if (found === undefined) throw new SyntaxError(`"${text}" is none of ${all.join(", ")}`);
    return found;
  };
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) throw new SyntaxError(`"${text}" is no port`);
  return value;
}

function share(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw new SyntaxError(`"${text}" is not between 0 and 1`);
  return value;
}

async function main(): Promise<void> {
  if (process.argv.includes("--help")) {
    for (const [flag, text] of Object.entries(FLAGS)) console.log(`  --${flag.padEnd(14)} ${text}`);
    return;
  }
  const { options, root, tlsRoot } = readCommand(process.argv.slice(2), process.env);
  await using authority: TestAuthority & AsyncDisposable = await startAuthority(options);
  if (root !== undefined) await writeFile(root, authority.rootPem);
  if (tlsRoot !== undefined && authority.tlsRootPem !== undefined) await writeFile(tlsRoot, authority.tlsRootPem);
  console.log(`ACME directory: ${authority.directory}`);
  await new Promise((resolve) => ["SIGINT", "SIGTERM"].forEach((signal) => process.once(signal, resolve)));
}

if (import.meta.main) await main();
