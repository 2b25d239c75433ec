/**
 * What a measurement found, as tables in Markdown.
 *
 * @module
 */

/** One line of a report: what was measured, what came out, and what was hoped for. */
export interface Figure {
  readonly what: string;
  readonly measured: string;
  readonly goal?: Goal;
}

/** A goal in words, and whether it was met. */
export interface Goal {
  readonly text: string;
  readonly met: boolean;
}

/** Some cells under a heading. */
export interface Table {
  /** Said above it. */
  readonly note?: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A goal that a number must not exceed. */
export function atMost(value: number, limit: number, text = `at most ${limit}`): Goal {
  return { text, met: value <= limit };
}

/** A goal that a number must stay below. */
export function below(value: number, limit: number, text: string): Goal {
  return { text, met: value < limit };
}

/** Puts figures into the table of measured, goal and verdict. */
export function figures(all: readonly Figure[], note?: string): Table {
  return {
    ...(note === undefined ? {} : { note }),
    columns: ["figure", "measured", "goal", "verdict"],
    rows: all.map(({ what, measured, goal }) => [what, measured, goal?.text ?? "–", verdict(goal)]),
  };
}

/** Writes a table in Markdown, columns of equal width so that it also reads on a terminal. */
export function markdown({ note, columns, rows }: Table): string {
  const width = (column: number): number => Math.max(3, ...[columns, ...rows].map((row) => row[column]?.length ?? 0));
  const widths = columns.map((_, column) => width(column));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((size, column) => (cells[column] ?? "").padEnd(size)).join(" | ")} |`;
  const rule = line(widths.map((size) => "-".repeat(size)));
  return [...note === undefined ? [] : [note, ""], line(columns), rule, ...rows.map(line)].join("\n");
}

/** A number for people: three digits that count. */
export function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(value < 1 ? 2 : 3);
}

function verdict(goal: Goal | undefined): string {
  if (goal === undefined) return "";
  return goal.met ? "met" : "NOT met";
}
