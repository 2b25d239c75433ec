import { ensureParts, type Machine, type PartName, thisMachine } from "../parts.ts";
import type { CaName } from "./ca.ts";
import type { Story } from "./story.ts";

/** What each CA needs besides HAProxy: nothing, where it is ours. */
const NEEDS: Readonly<Record<CaName, readonly PartName[]>> = {
  pebble: ["pebble", "pebble-challtestsrv", "openssl"],
  test: [],
};

/**
 * Brings the programs that the demo plays on, and decides with which CA: the one that was asked for, else Pebble, else,
 * where that cannot be had, the test authority.
 *
 * @throws {Error} If one that it cannot do without is missing; what, was said before.
 */
export async function bringParts(
  asked: CaName | undefined,
  story: Pick<Story, "note">,
  machine: Machine = thisMachine(),
): Promise<CaName> {
  const needed: readonly PartName[] = ["haproxy", ...NEEDS[asked ?? "test"]];
  if ((await ensureParts(needed, machine)).length > 0) {
    throw new Error("a program that the demo needs is missing: see above");
  }
  if (asked !== undefined) return asked;
  if ((await ensureParts(NEEDS.pebble, briefly(machine))).length === 0) return "pebble";
  story.note("Pebble cannot be had here: the CA is this project's own test authority (test/ca), as with --ca=test");
  return "test";
}

/** Says that something is being installed, since that takes time; that it was in vain is no news where it can be spared. */
function briefly(machine: Machine): Machine {
  let quiet = machine.install === undefined;
  const say = (line: string): void => {
    if (!quiet) machine.say(line);
    quiet = true;
  };
  return { ...machine, say };
}
