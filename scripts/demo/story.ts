/** What is told while the demo goes on, as text for a person who sees the product for the first time. */
export interface Story {
  /** A line of its own, at the very left. */
  say(text: string): void;
  /** Begins the next step. */
  step(title: string): void;
  /** Something to know. */
  note(text: string): void;
  /** A claim that was checked just now; the demo would have failed otherwise. */
  proven(text: string): void;
  /** A command line, before it is run. */
  command(line: string): void;
  /** What it wrote. */
  output(text: string): void;
}

/** How the text is going to be looked at. */
export interface Telling {
  readonly write: (line: string) => void;
  readonly colours: boolean;
}

/** Tells the story line by line. */
export function tell({ write, colours }: Telling): Story {
  const paint = (code: number, text: string): string => colours ? `\x1b[${code}m${text}\x1b[0m` : text;
  let steps = 0;
  return {
    say: write,
    step: (title) => write(`\n${paint(1, `${++steps}. ${title}`)}`),
    note: (text) => write(`   ${text}`),
    proven: (text) => write(`   ${paint(32, "✓")} ${text}`),
    command: (line) => write(`   $ ${line}`),
    output: (text) => text.trimEnd().split("\n").forEach((line) => write(`     ${line}`.trimEnd())),
  };
}

/** A table without a head, its lines one by one. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ").trimEnd());
}
