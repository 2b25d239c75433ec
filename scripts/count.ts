/**
 * The proportions of the tree, as a table: `deno run -A scripts/count.ts`. Functions are found by the indentation that
 * `deno fmt` gives them.
 *
 * @module
 */
import { sources } from "./check_layers.ts";
import { ROOT } from "./command.ts";

const FOLDERS = ["src", "plugin", "scripts", "test"];
const OPENS = /^(?<indent>\s*)(?:\S.*)?(?:\bfunction\b.*|=>|\)(?:: [^=]+)?) \{$/;
const NO_FUNCTION = /^\s*(?:\} )?(?:if|for|while|switch|else|catch|try|do)\b/;

/** Lines of each function with a block body. */
export function functionLengths(source: string): readonly number[] {
  const lines = source.split("\n");
  return lines.flatMap((line, start) => {
    const indent = NO_FUNCTION.test(line) ? undefined : OPENS.exec(line)?.groups?.["indent"];
    if (indent === undefined) return [];
    const length = lines.slice(start + 1).findIndex((it) => it.startsWith(`${indent}}`));
    return length < 0 ? [] : [length + 2];
  });
}

/** The value that the given part of all values does not exceed. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0;
}

function spread(values: readonly number[]): string {
  return [0.5, 0.9, 1].map((part) => quantile(values, part)).join(" / ");
}

async function row(folder: string): Promise<Readonly<Record<string, string | number>>> {
  const texts = await Promise.all((await sources(folder)).map((path) => Deno.readTextFile(`${ROOT}/${path}`)));
  const lines = texts.map((text) => text.trimEnd().split("\n").length);
  return {
    folder,
    files: texts.length,
    lines: lines.reduce((sum, count) => sum + count, 0),
    "lines a file: median / p90 / max": spread(lines),
    "lines a function": spread(texts.flatMap(functionLengths)),
    any: texts.reduce((sum, text) => sum + [...text.matchAll(/: any\b|\bas any\b|<any>/g)].length, 0),
  };
}

if (import.meta.main) console.table(await Promise.all(FOLDERS.map(row)));
