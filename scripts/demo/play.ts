/**
 * The demo from its first line to the moment before its last: the parts, the visitors, the steps.
 *
 * @module
 */
import type { Call } from "../../src/ports.ts";
import { bringParts } from "./bring.ts";
import type { CaName } from "./ca.ts";
import { ownTempFolder } from "./environment.ts";
import { type Load, startLoad } from "./load.ts";
import { openConnection } from "./open_connection.ts";
import { check, checkAnswered, type Scene, type Step } from "./scene.ts";
import { NAMES, type Stage, startStage } from "./stage.ts";
import { STEPS } from "./steps.ts";
import type { Story } from "./story.ts";
import { tellEnd, tellKeep, tellOpening } from "./texts.ts";

/** A step that takes longer hangs. */
const STEP_MS = 60_000;

const LAST: Step = { title: "What the visitors saw", play: tellEnd };

/** What can be said of a demo once it is over, however it ended. */
export interface Played {
  /** Steps that went through. */
  passed: number;
  load?: Load;
  stage?: Stage;
}

/** How the demo is played. */
export interface PlayOptions {
  readonly story: Story;
  /** Goes on after the last step, until the signal aborts. */
  readonly keep: boolean;
  /** With which CA; absent: Pebble, if it can be had. */
  readonly ca?: CaName;
}

/** Plays the whole demo, notes in `played` how far it came, and ends everything that it started on every way out. */
export async function play({ story, keep, ca }: PlayOptions, call: Call, played: Played): Promise<void> {
  story.step("Real parts, on free ports of this machine");
  const chosen = await bringParts(ca, story);
  using _folder = ownTempFolder(); // only now: apt-get reads TMPDIR, too, and works as another user
  await using stage = await startStage(chosen, call);
  played.stage = stage;
  await using load = startLoad(stage.site, NAMES, call);
  played.load = load;
  using open = await openConnection(stage.site, NAMES[0]);
  const certificates = new Map([[stage.oldSerial, "the old wildcard"]]);
  const scene: Scene = { signal: call.signal, story, stage, load, open, certificates };
  const carryOut = async (work: Step["play"]): Promise<void> => {
    await inTime(call, (signal) => work({ ...scene, signal }));
    call.signal.throwIfAborted();
    await calm(scene);
    played.passed += 1;
  };
  await carryOut(tellOpening);
  for (const step of [...STEPS, LAST]) {
    story.step(step.title);
    await carryOut(step.play);
  }
  if (keep) await goOn(scene);
  await load.stop();
  checkAnswered(load.tally);
}

async function inTime({ signal }: Call, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const deadline = AbortSignal.timeout(STEP_MS);
  try {
    await work(AbortSignal.any([signal, deadline]));
  } catch (cause) {
    throw deadline.aborted ? new Error(`this step was not over within ${STEP_MS / 1_000} s`, { cause }) : cause;
  }
}

/** After each step: no visitor was disappointed, and the open connection is still open. */
async function calm({ load, open, stage }: Scene): Promise<void> {
  checkAnswered(load.tally);
  const pid = await open.ask();
  check(pid === stage.haproxy.pid, `the open connection was answered by process ${pid}`);
}

async function goOn(scene: Scene): Promise<void> {
  tellKeep(scene);
  const { signal } = scene;
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}
