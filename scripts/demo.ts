/**
 * `deno task demo`: the main job on real parts, told step by step. Ends by itself; `--keep` leaves it running.
 *
 * @module
 */
import { describe } from "../src/model/errors.ts";
import { lastLines } from "./command.ts";
import { cleanEnvironment } from "./demo/environment.ts";
import { play, type Played, type PlayOptions } from "./demo/play.ts";
import { type Stop, stopSignals } from "./demo/stop.ts";
import { tell } from "./demo/story.ts";
import { NO_REQUESTS } from "./demo/tally.ts";

const HELP = `Shows the main job of Kontena Certificates on a real HAProxy and with an ACME CA, in under a minute.

Usage: deno task demo [--keep] [--ca=pebble|test]

  --keep       Leave everything running in the end, with the URLs, until Ctrl-C
  --ca=pebble  With Pebble, a CA that is independent of this code; the default, if it can be had
  --ca=test    With this project's own test authority: only HAProxy has to be installed`;

const TITLE = [
  "Kontena Certificates: names in, certificate served by a running HAProxy, and no visitor notices.",
  "Each line with ✓ was checked just before; if one does not hold, the demo ends with exit status 1.",
];

async function main(args: readonly string[]): Promise<number> {
  const read = readArguments(args);
  if ("unknown" in read) {
    const asked = ["--help", "-h"].includes(read.unknown);
    console.log(asked ? HELP : `There is no ${read.unknown} here.\n\n${HELP}`);
    return asked ? 0 : 1;
  }
  using stop = stopSignals();
  cleanEnvironment();
  return await perform(read, stop);
}

type Choice = Omit<PlayOptions, "story">;

/** What every argument means; the later one wins. */
const ARGUMENTS: Readonly<Record<string, Partial<Choice>>> = {
  "--keep": { keep: true },
  "--ca=pebble": { ca: "pebble" },
  "--ca=test": { ca: "test" },
};

function readArguments(args: readonly string[]): Choice | { readonly unknown: string } {
  const unknown = args.find((arg) => !Object.hasOwn(ARGUMENTS, arg));
  if (unknown !== undefined) return { unknown };
  return args.reduce<Choice>((choice, arg) => ({ ...choice, ...ARGUMENTS[arg] }), { keep: false });
}

async function perform(choice: Choice, stop: Stop): Promise<number> {
  const story = tell({ write: (line) => console.log(line), colours: Deno.stdout.isTerminal() && !Deno.noColor });
  TITLE.forEach(story.say);
  const played: Played = { passed: 0 };
  try {
    await play({ story, ...choice }, stop, played);
  } catch (error) {
    if (stop.status !== undefined) {
      story.say("\nEnded before its end; everything that was started is gone again");
      return stop.status;
    }
    tellFailure(error, played);
    story.say(`\n${lastLine(played, 1)}`);
    return 1;
  }
  story.say(`\n${lastLine(played, 0)}`);
  return 0;
}

function tellFailure(error: unknown, { stage }: Played): void {
  console.error(`\n   FAILED: ${describe(error)}`);
  if (stage === undefined) return;
  const log = stage.sidecar.process.output().replace(/^Permissions: .*\n/, "");
  console.error(`\nThe end of the sidecar's log:\n${lastLines(log, 20)}`);
}

function lastLine({ passed, load }: Played, failed: number): string {
  const { made, failed: lost } = load?.tally ?? NO_REQUESTS;
  return `${passed} steps passed, ${failed} failed; requests made: ${made}, requests failed: ${lost}`;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
