import type { Terminal } from "./terminal.ts";

const FRAMES = ["-", "\\", "|", "/"];

/** Draws ` [done] text` or ` [fail] text` on a terminal, turning while the work goes on; a pipe sees nothing of it. */
export async function progress<T>(terminal: Terminal, text: string, work: () => Promise<T>): Promise<T> {
  if (!terminal.errIsTerminal) return await work();
  let frame = 0;
  const draw = (mark: string, end = ""): void => terminal.err(`\r [${mark}] ${text}${end}\x1b[K`);
  draw(FRAMES[0] ?? "");
  const turning = setInterval(() => draw(FRAMES[++frame % FRAMES.length] ?? ""), 120);
  try {
    const result = await work();
    draw(paint("done", "green", terminal), "\x1b[K\n");
    return result;
  } catch (error) {
    draw(paint("fail", "red", terminal), "\x1b[K\n");
    throw error;
  } finally {
    clearInterval(turning);
  }
}

const COLOURS = { red: 31, green: 32, yellow: 33, brightYellow: 93 } as const;

/** The colours in use. */
export type Colour = keyof typeof COLOURS;

/** Colours a text where `NO_COLOR` allows it; the caller knows that it goes to a terminal. */
export function paint(text: string, colour: Colour, { colours }: { readonly colours: boolean }): string {
  return colours ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
}
