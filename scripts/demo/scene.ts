import { quietly, ROOT } from "../command.ts";
import type { Call } from "../../src/ports.ts";
import type { Load } from "./load.ts";
import type { OpenConnection } from "./open_connection.ts";
import type { Stage } from "./stage.ts";
import type { Story } from "./story.ts";
import type { Tally } from "./tally.ts";

/** All that a step works on. */
export interface Scene extends Call {
  readonly story: Story;
  readonly stage: Stage;
  readonly load: Load;
  readonly open: OpenConnection;
  /** Serial → what the certificate is called; each swap adds its own. */
  readonly certificates: Map<string, string>;
}

/** One step of the demo; it fails by throwing. */
export interface Step {
  readonly title: string;
  play(scene: Scene): Promise<void>;
}

/** Runs `bin/kontena` with the words of the line, and shows the line and what it wrote. */
export async function kontena({ story, stage, signal }: Scene, line: string): Promise<string> {
  story.command(`bin/kontena ${line}`);
  const env = { ...stage.environment, DENO: Deno.execPath(), NO_COLOR: "1" };
  const { code, stdout, output } = await quietly(`${ROOT}/bin/kontena`, line.split(" "), { env, signal });
  story.output(output);
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`the command above ended with exit status ${code}`);
  return stdout;
}

/** Ends the demo if one of the requests failed. */
export function checkAnswered({ failed, reasons }: Tally): void {
  check(failed === 0, `${failed} requests failed:\n  ${reasons.join("\n  ")}`);
}

/** Ends the demo where a claim does not hold. */
export function check(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}
