/**
 * Other programs, run to their end.
 *
 * @module
 */

import { given } from "../src/model/shape.ts";

/** The top of the source tree, without a final slash. */
export const ROOT = decodeURIComponent(new URL("..", import.meta.url).pathname).replace(/\/$/, "");

/** What became of a program that ran quietly. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  /** All that it wrote: standard output first, then standard error. */
  readonly output: string;
}

/** What every run can be told. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Ends the program by SIGTERM. */
  readonly signal?: AbortSignal;
}

/** Runs a program and keeps what it wrote. It gets no standard input. */
export async function quietly(program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { code, stdout, stderr } = await command(program, args, options, "piped").output();
  const [written, complaints] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, stdout: written ?? "", output: `${written}${complaints}` };
}

/** Runs a program whose output goes where ours goes, and returns its exit code. It gets no standard input. */
export async function openly(program: string, args: readonly string[], options: RunOptions = {}): Promise<number> {
  return (await command(program, args, options, "inherit").spawn().status).code;
}

/** The end of a long text: what a person needs to see of a program that failed. */
export function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

function command(
  program: string,
  args: readonly string[],
  { env = {}, cwd = ROOT, signal }: RunOptions,
  output: "piped" | "inherit",
): Deno.Command {
  return new Deno.Command(program, {
    args: [...args],
    env: { ...env },
    cwd,
    ...given("signal", signal),
    stdin: "null",
    stdout: output,
    stderr: output,
  });
}
