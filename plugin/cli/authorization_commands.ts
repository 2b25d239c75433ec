import { parseDnsName } from "../../src/model/dns_name.ts";
import { explain, path } from "./client.ts";
import type { Command, Input, World } from "./command.ts";
import { confirmName } from "./confirm.ts";
import { printable } from "./errors.ts";
import { authorizationTable } from "./format.ts";
import { progress } from "./progress.ts";
import { readAuthorization, readList } from "./wire.ts";

/** `kontena certificate domain-authorization …`. */
export const AUTHORIZATION_COMMANDS: readonly Command[] = [
  {
    name: "certificate domain-authorization list",
    also: ["ls"],
    summary: "List the domain authorizations",
    options: { q: { help: "Only the domains" } },
    examples: ["kontena certificate domain-authorization list"],
    next: "kontena certificate get DOMAIN",
    run: list,
  },
  {
    name: "certificate domain-authorization remove",
    also: ["rm"],
    summary: "Forget a domain authorization and take its answer down",
    positionals: [{ name: "DOMAIN", help: "The domain name" }],
    options: { force: { help: "Do not ask" } },
    examples: ["kontena certificate domain-authorization rm --force api.example.com"],
    next: "certificates with this domain are not renewed by themselves any more, unless CERTIFICATES declares them",
    run: remove,
  },
];

async function list({ flag }: Input, { terminal, client }: World): Promise<void> {
  const answer = await client.get(path`v1/grids/${client.grid}/domain_authorizations`);
  const all = readList(answer, "domain_authorizations", readAuthorization);
  terminal.out(
    printable(flag("q") === true ? all.map(({ domain }) => `${domain}\n`).join("") : authorizationTable(all)),
  );
}

async function remove(input: Input, world: World): Promise<void> {
  const { terminal, client } = world;
  const domain = parseDnsName(input.args[0] ?? "", "DOMAIN");
  await confirmName(domain, input, world);
  const hint = `domain: there is none for ${domain} (see: kontena certificate domain-authorization list)`;
  await progress(
    terminal,
    `Removing domain authorization ${domain}`,
    () => explain(404, hint, client.send("DELETE", path`v1/domain_authorizations/${client.grid}/${domain}`)),
  );
}
