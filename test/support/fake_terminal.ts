import type { Terminal } from "../../plugin/cli/terminal.ts";

/** A terminal that remembers, and answers what the test typed. */
export interface FakeTerminal extends Terminal {
  readonly written: { out: string; err: string };
}

/** Makes a {@linkcode FakeTerminal}; without `input` its input is over at once. */
export function fakeTerminal(set: Partial<Terminal> & { readonly input?: string } = {}): FakeTerminal {
  const written = { out: "", err: "" };
  const { input, ...rest } = set;
  return {
    written,
    out: (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    inIsTerminal: false,
    outIsTerminal: false,
    errIsTerminal: false,
    colours: false,
    readLine: () => Promise.resolve(input),
    readAll: () => Promise.resolve(input ?? ""),
    readMasked: () => Promise.resolve(input),
    ...rest,
  };
}
