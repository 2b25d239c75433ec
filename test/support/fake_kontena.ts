/**
 * The command line against answers that the test gives, without a network.
 *
 * @module
 */
import type { Client } from "../../plugin/cli/client.ts";
import { run } from "../../plugin/cli/run.ts";
import type { Terminal } from "../../plugin/cli/terminal.ts";
import { fakeTerminal } from "./fake_terminal.ts";

/** The time at which commands are run. */
export const NOW = new Date("2026-01-01T00:00:00Z");

/** What became of a command. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly requests: readonly (readonly [method: string, path: string, body?: unknown])[];
}

/** Runs the words of `line` against answers by `METHOD path`; a function makes its answer, an answer that is an error is thrown. */
export async function kontena(
  line: string | readonly string[],
  answers: Readonly<Record<string, unknown>> = {},
  terminal: Partial<Terminal> & { readonly input?: string } = {},
  files: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const faked = fakeTerminal(terminal);
  const requests: [string, string, unknown?][] = [];
  const send = (method: string, path: string, body?: unknown): Promise<unknown> => {
    requests.push(body === undefined ? [method, path] : [method, path, body]);
    const found = answers[`${method} ${path}`];
    const answer: unknown = typeof found === "function" ? found() : found;
    return answer instanceof Error || answer === undefined
      ? Promise.reject(answer ?? new Error(`${method} ${path} is not expected`))
      : Promise.resolve(answer);
  };
  const client = (grid = "test"): Client => ({ grid, get: (path) => send("GET", path), send });
  const code = await run(typeof line === "string" ? line.split(/ +/) : line, {
    terminal: faked,
    client,
    file: (path) => files[path],
    now: NOW,
  });
  return { code, ...faked.written, requests };
}
