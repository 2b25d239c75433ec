/**
 * What the commands about load balancers print. Pure.
 *
 * @module
 */
import { table } from "./format.ts";
import type { LbAnswer, LbCertificate, PartAnswer } from "./lb_wire.ts";
import { type Colour, paint } from "./progress.ts";

/** What `lb list` prints. */
export function lbTable(all: readonly LbAnswer[]): string {
  return table(
    ["NAME", "KIND", "STATE", "VERSION", "CHALLENGES"],
    all.map(({ name, kind, state, version, challenges }) => [name, kind, state, version ?? "-", challenges.join(",")]),
  );
}

/** What `lb show` prints. */
export function lbText(lb: LbAnswer): string {
  const { name, kind, state, version, pid, reason, challenges, certificates } = lb;
  return [
    `${name}:`,
    `  kind: ${kind}`,
    `  state: ${state}`,
    ...reason === undefined ? [] : [`  reason: ${withTodo(reason, lb.todo)}`],
    ...version === undefined ? [] : [`  version: ${version}`],
    ...pid === undefined ? [] : [`  process: ${pid}`],
    `  challenges: ${challenges.length === 0 ? "none" : challenges.join(", ")}`,
    ...certificates.length === 0 ? ["  certificates: none"] : ["  certificates:", ...certificates.map(certificateLine)],
    "",
  ].join("\n");
}

/**
 * What `lb check` prints: a line a part.
 *
 * @param printable Makes what was found fit for a terminal.
 */
export function checkText(
  parts: readonly PartAnswer[],
  view: { readonly colours: boolean },
  printable: (text: string) => string,
): string {
  const width = Math.max(0, ...parts.map(({ part }) => part.length));
  return parts.map(({ part, state, found, todo }) => {
    const mark = paint(state.padEnd("untried".length), COLOURS[state], view);
    return `${mark}  ${printable(`${part.padEnd(width)}  ${withTodo(found, todo)}`)}\n`;
  }).join("");
}

const COLOURS: Readonly<Record<PartAnswer["state"], Colour>> = { ok: "green", missing: "red", untried: "yellow" };

function certificateLine({ subject, state, reason, until, standInSince }: LbCertificate): string {
  const why = reason === undefined ? "" : `: ${reason}${until === undefined ? "" : ` (tried again ${until})`}`;
  const meanwhile = standInSince === undefined ? "" : `; an earlier one is served meanwhile, seen ${standInSince}`;
  return `    - ${subject} (${state}${why}${meanwhile})`;
}

function withTodo(found: string, todo: string | undefined): string {
  return todo === undefined ? found : `${found} (${todo})`;
}
