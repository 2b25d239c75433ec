import { CommandError, type Input, type World } from "./command.ts";

/** Lets a person re-type the name of what is about to go; `--force` asks nothing. */
export async function confirmName(name: string, { flag }: Input, { terminal }: World): Promise<void> {
  if (flag("force") === true) return;
  if (!terminal.inIsTerminal) throw new CommandError("Command requires --force");
  terminal.err(
    `Destructive command. To proceed, type "${name}" or re-run this command with --force option.\n` +
      `Enter '${name}' to confirm: `,
  );
  if ((await terminal.readLine())?.trim() !== name) throw new CommandError(`Not confirmed, ${name} is left as it was`);
}

/** Shows what is about to happen and asks for a yes; `--force` does neither. */
export async function confirmPlan(plan: string, { flag }: Input, { terminal }: World): Promise<void> {
  if (flag("force") === true) return;
  terminal.err(plan);
  if (!terminal.inIsTerminal) throw new CommandError("Command requires --force");
  terminal.err("Are you sure? ");
  if (!/^\s*y(es)?\s*$/i.test(await terminal.readLine() ?? "")) {
    throw new CommandError("Not confirmed, nothing is changed");
  }
}
