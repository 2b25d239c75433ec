/** Where a command reads and writes. */
export interface Terminal {
  /** Standard output: what was asked for. */
  out(text: string): void;
  /** Standard error: progress, questions, faults. */
  err(text: string): void;
  readonly inIsTerminal: boolean;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** Whether `NO_COLOR` leaves colours to terminals. */
  readonly colours: boolean;
  /** The next line without its end; undefined where the input is over. */
  readLine(): Promise<string | undefined>;
  /** All that is left of the input. */
  readAll(): Promise<string>;
  /** A line that is not shown; undefined where the person gave up. */
  readMasked(): Promise<string | undefined>;
}

/** What a chunk of input is: text, or undefined at its end. */
export type ReadText = () => Promise<string | undefined>;

/** The streams of this process. */
export function processTerminal(colours: boolean): Terminal {
  const read = textReader();
  const lines = lineReader(read);
  return {
    out: (text) => writeAll(Deno.stdout, text),
    err: (text) => writeAll(Deno.stderr, text),
    inIsTerminal: Deno.stdin.isTerminal(),
    outIsTerminal: Deno.stdout.isTerminal(),
    errIsTerminal: Deno.stderr.isTerminal(),
    colours,
    readLine: lines.line,
    readAll: lines.rest,
    async readMasked(): Promise<string | undefined> {
      Deno.stdin.setRaw(true);
      try {
        return await readMasked(read, (text) => writeAll(Deno.stderr, text));
      } finally {
        Deno.stdin.setRaw(false);
      }
    },
  };
}

/** Lines of a text that comes in chunks. */
export function lineReader(read: ReadText): { line: () => Promise<string | undefined>; rest: () => Promise<string> } {
  let ahead = "";
  const more = async (): Promise<boolean> => {
    const chunk = await read();
    ahead += chunk ?? "";
    return chunk !== undefined;
  };
  return {
    async line(): Promise<string | undefined> {
      while (!ahead.includes("\n") && await more());
      if (ahead === "") return undefined;
      const end = ahead.indexOf("\n");
      const line = end < 0 ? ahead : ahead.slice(0, end);
      ahead = end < 0 ? "" : ahead.slice(end + 1);
      return line.replace(/\r$/, "");
    },
    async rest(): Promise<string> {
      while (await more());
      const all = ahead;
      ahead = "";
      return all;
    },
  };
}

/**
 * Reads a line key by key and shows a star for each. A pasted PEM block is taken to its end: what follows its first line
 * must not reach the shell.
 *
 * @param read The keys, from a terminal in raw mode.
 * @returns undefined after Ctrl-C, or Ctrl-D on an empty line.
 */
export async function readMasked(read: ReadText, echo: (text: string) => void): Promise<string | undefined> {
  let value = "";
  for (let keys = await read(); keys !== undefined; keys = await read()) {
    for (const key of keys) {
      if (key === "\x03" || (key === "\x04" && value === "")) return undefined;
      if (key === "\r" || key === "\n") {
        if (!insidePem(value)) {
          echo("\n");
          return value;
        }
        value += "\n";
      } else if (key === "\x7f" || key === "\b") {
        if (value !== "") echo("\b \b");
        value = value.slice(0, -1);
      } else if (key >= " ") {
        value += key;
        echo("*");
      }
    }
  }
  return value === "" ? undefined : value;
}

function insidePem(value: string): boolean {
  return value.startsWith("-----BEGIN") && !/-----END [^-]+-----\s*$/.test(value);
}

function textReader(): ReadText {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  return async () => {
    const length = await Deno.stdin.read(buffer);
    return length === null ? undefined : decoder.decode(buffer.subarray(0, length), { stream: true });
  };
}

/** Writes all of it; a reader that went away (`… | head`) ends the program without a fault. */
function writeAll(to: { writeSync(part: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let done = 0; done < bytes.length;) done += to.writeSync(bytes.subarray(done));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0);
    throw error;
  }
}
