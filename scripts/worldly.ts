/**
 * Finds in a library's source what touches the world: it gets time, chance and everything else by its ports.
 *
 * @module
 */

/** Something worldly: the line it stands in, counted from 1, and the text. */
export interface Finding {
  readonly line: number;
  readonly text: string;
}

const WORLDLY =
  /\bDeno\b|\bprocess\s*\.|\bDate\s*\.\s*now\b|\bnew\s+Date\b(?:\s*\(\s*\))?(?!\s*\()|\bDate\s*\(\s*\)|\bconsole\b|\bset(?:Timeout|Interval|Immediate)\b|\bMath\s*\.\s*random\b|\bperformance\s*\.|\bimport\s*\(\s*[^"'`\s)]/g;

/** What has to be told apart from code: comments, texts and patterns. The content of templates stays, as it may be code. */
const OTHER =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?<=(?:^|[(,=:[!&|?{};>]|return|=>)\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[dgimsuvy]*/g;

/** Finds everything worldly in a TypeScript source, comments and texts left out. */
export function worldly(source: string): readonly Finding[] {
  const code = withoutComments(source);
  return [...code.matchAll(WORLDLY)].map((match) => ({
    line: code.slice(0, match.index).split("\n").length,
    text: match[0],
  }));
}

/** Keeps the lines, so that findings can say where they are. Quotes stay, so that an import is still one. */
function withoutComments(source: string): string {
  return source.replace(OTHER, (text) => {
    const blank = text.replace(/[^\n]/g, " ");
    return /^["']/.test(text) ? `${text[0]}${blank.slice(2)}${text[0]}` : blank;
  });
}
