import { explain, path } from "./client.ts";
import { type Command, CommandError, type Input, type World } from "./command.ts";
import { printable } from "./errors.ts";
import { checkText, lbTable, lbText } from "./lb_format.ts";
import { type LbAnswer, readLb, readLines, readParts } from "./lb_wire.ts";
import { progress } from "./progress.ts";
import { readList } from "./wire.ts";

const NAME = {
  name: "NAME",
  count: "optional",
  help: "Its name in LOAD_BALANCERS, for example infra/lb; left out, the only one there is",
} as const;

/** `kontena lb …`. */
export const LB_COMMANDS: readonly Command[] = [
  {
    name: "lb list",
    also: ["ls"],
    summary: "List the load balancers, how they are and which challenges they can answer",
    options: { q: { help: "Only the names" } },
    examples: ["kontena lb list"],
    next: "kontena lb check NAME",
    run: list,
  },
  {
    name: "lb show",
    summary: "Show a load balancer and what it does with the certificates",
    positionals: [NAME],
    examples: ["kontena lb show infra/lb"],
    next: "kontena lb check NAME where something is held or away",
    run: show,
  },
  {
    name: "lb config",
    summary: "Print the lines that wire a load balancer, for the version that runs, and nothing else",
    positionals: [NAME],
    examples: ["kontena lb config infra/lb > haproxy.cfg"],
    next: "haproxy -c -f haproxy.cfg, start it, then: kontena lb check NAME",
    run: config,
  },
  {
    name: "lb check",
    summary: "Try each part of a load balancer's wiring and say what is missing; it leaves nothing behind",
    positionals: [NAME],
    examples: ["kontena lb check infra/lb    # a Kontena Load Balancer is reloaded a few times by it"],
    next: "kontena lb config NAME shows the lines of what is missing, under the same names",
    run: check,
  },
];

async function list({ flag }: Input, { terminal, client }: World): Promise<void> {
  const all = await everyLb(client);
  terminal.out(printable(flag("q") === true ? all.map(({ name }) => `${name}\n`).join("") : lbTable(all)));
}

async function show({ args }: Input, { terminal, client }: World): Promise<void> {
  const name = await nameOf(args, client);
  const answer = await known(name, client.get(path`v1/load_balancers/${client.grid}/${name}`));
  terminal.out(printable(lbText(readLb(answer))));
}

async function config({ args }: Input, { terminal, client }: World): Promise<void> {
  const name = await nameOf(args, client);
  const answer = await known(name, client.get(path`v1/load_balancers/${client.grid}/${name}/config`));
  terminal.out(printable(readLines(answer)));
}

async function check({ args }: Input, { terminal, client }: World): Promise<void> {
  const name = await nameOf(args, client);
  const route = path`v1/load_balancers/${client.grid}/${name}/check`;
  const parts = readParts(await progress(terminal, `Checking ${name}`, () => known(name, client.send("POST", route))));
  // Colours are put in after what a balancer may have said was made fit for a terminal.
  const view = { colours: terminal.colours && terminal.outIsTerminal };
  terminal.out(checkText(parts, view, printable));
  const missing = parts.filter((it) => it.state === "missing").map((it) => it.part);
  if (missing.length > 0) throw new CommandError(`load_balancer: ${name} lacks ${missing.join(", ")}`);
}

async function everyLb(client: World["client"]): Promise<readonly LbAnswer[]> {
  return readList(await client.get(path`v1/grids/${client.grid}/load_balancers`), "load_balancers", readLb);
}

/** The one that is named, or the only one. */
async function nameOf([given]: readonly string[], client: World["client"]): Promise<string> {
  if (given !== undefined) return given;
  const [only, ...others] = (await everyLb(client)).map((it) => it.name);
  if (only === undefined) {
    throw new CommandError("NAME: no load balancer is configured (set LOAD_BALANCERS for the sidecar)");
  }
  if (others.length > 0) {
    throw new CommandError(`NAME: there are several load balancers (name one of ${[only, ...others].join(", ")})`);
  }
  return only;
}

function known<T>(name: string, work: Promise<T>): Promise<T> {
  return explain(404, `load_balancer: there is none named ${name} (see: kontena lb list)`, work);
}
