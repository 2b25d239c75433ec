import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { commandHelp, groupHelp, overview } from "../../../plugin/cli/help.ts";
import { findCommand, hidePem, parse, split } from "../../../plugin/cli/parse.ts";
import { COMMANDS, isGroup } from "../../../plugin/cli/run.ts";

for (const command of COMMANDS) {
  Deno.test(`commandHelp() teaches ${command.name}`, () => {
    const help = commandHelp(command);
    assertStringIncludes(help, `Usage: kontena ${command.name} [OPTIONS]`);
    assertStringIncludes(help, command.summary);
    for (const name of Object.keys(command.options ?? {})) assertStringIncludes(help, name);
    assertStringIncludes(help, "Example:\n  $ kontena ");
    assertStringIncludes(help, "Next:\n");
  });

  for (const example of command.examples) {
    Deno.test(`commandHelp() gives an example that can be typed: ${example}`, () => {
      const words = example.split(/ +[<>#]/)[0]?.match(/"[^"]*"|\S+/g)?.slice(1) ?? [];
      const parts = split(hidePem(words), isGroup);
      const called = findCommand(COMMANDS, parts.words);
      assert(called !== undefined);
      parse(called, parts.rest, words);
    });
  }
}

Deno.test("commandHelp() lists arguments and options in columns", () => {
  const [remove] = COMMANDS.filter(({ name }) => name === "vault remove");
  assert(remove !== undefined);
  assertEquals(
    commandHelp(remove),
    `Usage: kontena vault remove [OPTIONS] NAME...

Remove secrets.
Also written: rm.

Arguments:
  NAME  The secret's name: letters, digits, _ and -

Options:
  --force      Do not ask
  --silent     Show no progress
  --grid GRID  The grid (default: KONTENA_GRID, else default)
  -D, --debug  Show each request on stderr
  -h, --help   Explain the command

Example:
  $ kontena vault rm OLD_SECRET
  $ kontena vault rm --force OLD_SECRET OLDER_SECRET

Next:
  kontena vault list
`,
  );
});

Deno.test("overview() lists all commands, groupHelp() those of a group", () => {
  const all = overview(COMMANDS);
  const vault = groupHelp(COMMANDS, "vault");
  for (const { name } of COMMANDS) {
    assertStringIncludes(all, `  ${name} `);
    assertEquals(vault.includes(`  ${name} `), name.startsWith("vault "));
  }
});
