/**
 * A program's whole run: its time, and the CPU time of it and its children, as the shell tells them.
 *
 * @module
 */
import { start } from "../../test/support/process.ts";
import type { Cost } from "./client.ts";

/** What a program is run with. */
export interface TimedRun {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** Runs a program to its end; rejects unless that was 0. */
export async function timedRun({ program, args, env, cwd }: TimedRun): Promise<Cost> {
  const script = 'TIMEFORMAT="cost %R %U %S"; time "$@"';
  await using process = start("bash", { args: ["-c", script, "bash", program, ...args], env, cwd });
  const code = await process.exit;
  const [, real, user, system] = /^cost (\S+) (\S+) (\S+)$/m.exec(process.output()) ?? [];
  if (code !== 0 || real === undefined) throw new Error(`${program} ended with ${code}: ${process.output()}`);
  return { wallMs: Number(real) * 1_000, cpuMs: (Number(user) + Number(system)) * 1_000 };
}
