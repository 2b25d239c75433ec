/**
 * Runs the test authority from the command line until it is told to stop.
 *
 * @module
 */
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import { CONTROL } from "./control.ts";
import { COMMON } from "./faults/spec.ts";
import {
  type AuthorityOptions,
  CATALOGUE,
  dnsServer,
  EXTERNAL_ACCOUNT,
  HABITS,
  type Like,
  startAuthority,
  type TestAuthority,
} from "./mod.ts";

/** What can be told, as `--name` or as `CA_NAME` in the environment; the flag wins. */
const FLAGS = {
  listen: "address:port, default 127.0.0.1:14000",
  tls: "https, by a certificate of its own",
  profile: "whose habits it has: letsencrypt, zerossl, gts, step-ca, boulder (default) or pebble; also --like",
  like: "the same as --profile",
  fault: "what goes wrong, several separated by spaces: name@resource?option=value&…; see below",
  control: "port on loopback where faults are listed, set and cleared while it runs",
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
      ...given("like", text("profile") ?? text("like"), choice(...Object.keys(HABITS) as Like[])),
      ...given("faults", text("fault"), (list) => list.split(/\s+/)),
      ...given("controlPort", text("control"), port),
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

/** All that can be told, faults too. */
export function help(): string {
  const rows = (table: Readonly<Record<string, string>>, before = ""): readonly string[] =>
    Object.entries(table).map(([name, text]) => `  ${(before + name).padEnd(24)} ${text}`);
  const faults = Object.entries(CATALOGUE).flatMap(([name, { about, at, options }]) => [
    `  ${name.padEnd(24)} ${about} [${at.join(", ")}]`,
    ...rows(options, "    "),
  ]);
  return [
    "An ACME CA to test with. Each flag can also be set in the environment: --http-port as CA_HTTP_PORT.",
    ...["", ...rows(FLAGS, "--")],
    ...["", "Faults, with where they strike unless told; --fault='server-error@order?status=502&times=1'", ...faults],
    ...["", "Options of every fault", ...rows(COMMON)],
    ...["", "The control port", ...rows(CONTROL)],
  ].join("\n");
}

async function main(): Promise<void> {
  if (process.argv.includes("--help")) return console.log(help());
  const { options, root, tlsRoot } = readCommand(process.argv.slice(2), process.env);
  await using authority: TestAuthority & AsyncDisposable = await startAuthority(options);
  if (root !== undefined) await writeFile(root, authority.rootPem);
  if (tlsRoot !== undefined && authority.tlsRootPem !== undefined) await writeFile(tlsRoot, authority.tlsRootPem);
  console.log(`ACME directory: ${authority.directory}`);
  if (authority.control !== undefined) console.log(`Control port: ${authority.control}`);
  if (options.like === "zerossl" || options.like === "gts") {
    console.log(`External account: ${EXTERNAL_ACCOUNT.kid} ${EXTERNAL_ACCOUNT.hmacKey}`);
  }
  await new Promise((resolve) => ["SIGINT", "SIGTERM"].forEach((signal) => process.once(signal, resolve)));
}

if (import.meta.main) await main();
