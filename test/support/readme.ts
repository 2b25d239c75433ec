/**
 * The commands that the README shows.
 *
 * @module
 */
import { ROOT } from "./sidecar.ts";

/** A block of commands. */
export interface Shown {
  /** Heading of the section that it stands in. */
  readonly section: string;
  /** Whole, as for a shell; a block of a console has its prompts cut off and no output. */
  readonly commands: readonly ShownCommand[];
}

/** One command line. */
export interface ShownCommand {
  /** Without a comment at its end. */
  readonly line: string;
  /** What the block shows below it. */
  readonly output: string;
}

/** Reads all blocks of commands, in their order. */
export async function readmeCommands(): Promise<readonly Shown[]> {
  const text = await Deno.readTextFile(`${ROOT}README.md`);
  const shown: Shown[] = [];
  let section = "";
  for (const [whole, heading, kind, block = ""] of text.matchAll(/^##+ (.+)$|^```(sh|console)\n([^]*?)^```$/gm)) {
    if (heading !== undefined) section = heading;
    else shown.push({ section, commands: kind === "sh" ? ofShell(block) : ofConsole(block) });
    if (whole === "") break;
  }
  return shown;
}

function ofShell(block: string): readonly ShownCommand[] {
  return block.split("\n").filter((line) => line !== "").map((line) => ({ line: withoutComment(line), output: "" }));
}

function ofConsole(block: string): readonly ShownCommand[] {
  return block.split(/^\$ /m).slice(1).map((part) => {
    const [line = "", ...output] = part.split("\n");
    return { line: withoutComment(line), output: output.join("\n") };
  });
}

function withoutComment(line: string): string {
  return line.replace(/ +# .*$/, "");
}
