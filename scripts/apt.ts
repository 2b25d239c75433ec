/**
 * Installs Debian packages as root, one run at a time, without starting what they bring.
 *
 * @module
 */
import { lastLines } from "./command.ts";

/** Only root can write there, so nobody can put a link in its place. */
const TURN = "/run/kontena-parts.lock";

/** Asked by Debian's maintainer scripts before they start a daemon (invoke-rc.d(8)). */
const POLICY = "/usr/sbin/policy-rc.d";
const MARK = "# No daemon is started while packages are installed for tests; goes away by itself.";

/** Signals that would end us with the policy still in place. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const satisfies readonly Deno.Signal[];
const NUMBERS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const satisfies Record<typeof SIGNALS[number], number>;

/** Runs `apt-get` once; tells the end of what it wrote where it failed. */
type Apt = (...args: readonly string[]) => Promise<{ readonly ok: boolean; readonly output: string }>;

/**
 * Installs the packages, reading the package lists anew only where that is needed. Ends the process, after the clean-up, if a signal came meanwhile.
 *
 * @throws {Error} If apt-get failed, with the end of what it said.
 */
export async function installPackages(packages: readonly string[]): Promise<void> {
  using _turn = await turn();
  using signals = heldSignals();
  try {
    using _policy = noDaemons();
    await install(packages, (...args) => aptGet(args, signals));
  } finally {
    if (signals.caught !== undefined) Deno.exit(128 + NUMBERS[signals.caught]);
  }
}

/** First with the package lists that are there; with new ones if that fails, as lists may be absent or out of date. */
export async function install(packages: readonly string[], apt: Apt): Promise<void> {
  const args = ["install", "--yes", "--no-install-recommends", ...packages];
  if ((await apt(...args)).ok) return;
  const update = await apt("update");
  const { ok, output } = await apt(...args);
  if (ok) return;
  const said = update.ok ? output : update.output;
  throw new Error(`Cannot install ${packages.join(", ")}: apt-get said\n${lastLines(said, 12)}`);
}

/**
 * Keeps Debian from starting daemons until disposed; then the policy that was there before is back. Mends what a run left
 * behind that was killed in between.
 */
export function noDaemons(path = POLICY): Disposable {
  const saved = `${path}.kontena-saved`;
  const back = (): void => {
    if (read(path)?.includes(MARK)) Deno.removeSync(path);
    if (read(saved) !== undefined) Deno.renameSync(saved, path);
  };
  back();
  if (read(path) !== undefined) Deno.renameSync(path, saved);
  Deno.writeTextFileSync(path, `#!/bin/sh\n${MARK}\nexit 101\n`);
  Deno.chmodSync(path, 0o755);
  return { [Symbol.dispose]: back };
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Waits for the other runs that install something right now. */
async function turn(): Promise<Disposable> {
  const file = await Deno.open(TURN, { create: true, write: true });
  await file.lock(true);
  return file;
}

interface HeldSignals extends Disposable {
  readonly caught: typeof SIGNALS[number] | undefined;
  /** Called for each signal from now on. */
  pass: (() => void) | undefined;
}

function heldSignals(): HeldSignals {
  const listeners = SIGNALS.map((signal) => {
    const listener = (): void => {
      held.caught ??= signal;
      held.pass?.();
    };
    Deno.addSignalListener(signal, listener);
    return (): void => Deno.removeSignalListener(signal, listener);
  });
  const held: { caught: HeldSignals["caught"]; pass: HeldSignals["pass"] } & Disposable = {
    caught: undefined,
    pass: undefined,
    [Symbol.dispose]: () => listeners.forEach((remove) => remove()),
  };
  return held;
}

const OPTIONS = [
  "DPkg::Lock::Timeout=120",
  "Dpkg::Use-Pty=0",
  "Dpkg::Options::=--force-confold",
  "Acquire::Retries=3",
].flatMap((option) => ["-o", option]);

async function aptGet(args: readonly string[], signals: HeldSignals): ReturnType<Apt> {
  // The lock on the package lists, unlike dpkg's, is not waited for by apt-get itself.
  for (let tries = 24;; tries--) {
    if (signals.caught !== undefined) return { ok: false, output: `ended by ${signals.caught}` };
    const child = new Deno.Command("apt-get", {
      args: ["-q", ...OPTIONS, ...args],
      env: { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    // SIGINT ends apt-get while it downloads, and lets dpkg finish what it has begun.
    signals.pass = (): void => child.kill("SIGINT");
    const { success, stdout, stderr } = await child.output();
    signals.pass = undefined;
    const output = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
    if (success || tries === 0 || !/Could not get lock|Unable to lock/.test(output)) return { ok: success, output };
    await new Promise((resolve) => setTimeout(resolve, 5_000));
  }
}
