/**
 * Brings the real programs that demo, tests and bench work on: `deno run -A scripts/parts.ts haproxy pebble`; without
 * an argument, those of the tests.
 *
 * @module
 */
import { find } from "../test/support/process.ts";
import { installPackages } from "./apt.ts";

/** One program: the Debian package that it comes in, and what it is for. */
export interface Part {
  readonly package: string;
  readonly use: string;
}

/** All programs that are not ours, by name. */
export const PARTS = {
  haproxy: { package: "haproxy", use: "the load balancer" },
  pebble: { package: "pebble", use: "a CA that is independent of this code" },
  "pebble-challtestsrv": { package: "pebble", use: "the DNS server that Pebble asks" },
  openssl: { package: "openssl", use: "a second opinion on certificates" },
  etcd: { package: "etcd-server", use: "where the Kontena Load Balancer reads its configuration" },
  ip: { package: "iproute2", use: "networks for containers" },
  lego: { package: "lego", use: "another client, to judge the test authority and to measure against" },
} as const satisfies Record<string, Part>;

/** The name of a program in {@linkcode PARTS}. */
export type PartName = keyof typeof PARTS;

/** What all tests together need. */
export const TEST_PARTS: readonly PartName[] = [
  "haproxy",
  "pebble",
  "pebble-challtestsrv",
  "openssl",
  "etcd",
  "ip",
  "lego",
];

/** The machine as {@linkcode ensureParts} sees it. */
export interface Machine {
  has(program: string): boolean;
  /** Installs Debian packages; absent where that cannot be done from here. */
  readonly install?: (packages: readonly string[]) => Promise<void>;
  say(line: string): void;
}

/** This machine: packages can be installed as root where there is `apt-get`. */
export function thisMachine(): Machine {
  const debian = find("apt-get") !== undefined && Deno.uid() === 0;
  return {
    has: (program) => find(program) !== undefined,
    say: (line) => console.error(line),
    ...(debian ? { install: installPackages } : {}),
  };
}

/** The Debian packages of some programs, each once. */
export function packagesOf(parts: readonly PartName[]): readonly string[] {
  return [...new Set(parts.map((part) => PARTS[part].package))];
}

/**
 * Brings the programs that are missing, or names the one command to run. Never throws: a demo ends where something is
 * still missing, tests go on without it.
 *
 * @returns The programs that are still missing.
 */
export async function ensureParts(
  wanted: readonly PartName[],
  machine: Machine = thisMachine(),
): Promise<readonly PartName[]> {
  const absent = (): readonly PartName[] => wanted.filter((part) => !machine.has(part));
  const missing = absent();
  if (missing.length === 0) return missing;
  if (machine.install === undefined) return nameCommand(missing, "Missing", machine);
  const packages = packagesOf(missing);
  machine.say(`Installing ${packages.join(", ")} by apt-get, for: ${uses(missing)}. No daemon is started.`);
  try {
    await machine.install(packages);
  } catch (error) {
    machine.say(error instanceof Error ? error.message : String(error));
  }
  const left = absent();
  return left.length === 0 ? left : nameCommand(left, "Still missing", machine);
}

/** Reads names of programs, or refuses them with the list of those that exist. */
export function parseParts(input: readonly string[]): readonly PartName[] {
  const names = Object.keys(PARTS) as readonly PartName[];
  return input.map((text) => {
    const part = names.find((name) => name === text);
    if (part === undefined) throw new RangeError(`Cannot bring "${text}": it is none of ${names.join(", ")}`);
    return part;
  });
}

function nameCommand(missing: readonly PartName[], what: string, machine: Machine): readonly PartName[] {
  const command = `sudo apt-get install --no-install-recommends ${packagesOf(missing).join(" ")}`;
  machine.say(`${what}: ${missing.join(", ")} (${uses(missing)}). On Debian or Ubuntu run: ${command}`);
  return missing;
}

function uses(parts: readonly PartName[]): string {
  return parts.map((part) => PARTS[part].use).join(", ");
}

if (import.meta.main) {
  const wanted = Deno.args.length > 0 ? parseParts(Deno.args) : TEST_PARTS;
  Deno.exit((await ensureParts(wanted)).length === 0 ? 0 : 1);
}
