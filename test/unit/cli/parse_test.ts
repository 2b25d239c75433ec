import { assertEquals, assertThrows } from "@std/assert";
import type { Command } from "../../../plugin/cli/command.ts";
import { findCommand, hidePem, parse, split } from "../../../plugin/cli/parse.ts";
import { COMMANDS, isGroup } from "../../../plugin/cli/run.ts";
import { InputError } from "../../../src/model/errors.ts";

const PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----";

const COMMAND: Command = {
  name: "test it",
  summary: "Test",
  positionals: [{ name: "NAME", help: "" }, { name: "VALUE", count: "optional", help: "" }],
  options: {
    type: { also: ["auth-type"], value: "TYPE", help: "" },
    lb: { value: "LB", many: true, help: "" },
    upsert: { short: "u", help: "" },
    long: { short: "l", negatable: true, help: "" },
    q: { help: "" },
  },
  examples: [],
  next: "",
  run: () => Promise.resolve(),
};

function read(args: readonly string[], command = COMMAND): ReturnType<typeof parse> {
  return parse(command, hidePem(args), args);
}

for (
  const [args, words, rest] of [
    [["certificate", "list"], ["certificate", "list"], []],
    [["-D", "certificate", "--grid", "g", "list", "-q"], ["certificate", "list"], ["-D", "--grid", "g", "-q"]],
    [["--grid=g", "vault", "ls"], ["vault", "ls"], ["--grid=g"]],
    [["certificate", "get", "--secret-name", "A", "a.b"], ["certificate", "get"], ["--secret-name", "A", "a.b"]],
    [["--help"], [], ["--help"]],
    [["certificate", "domain-authorization", "-q", "ls"], ["certificate", "domain-authorization", "ls"], ["-q"]],
    [["certificate", "ls", "domain"], ["certificate", "ls"], ["domain"]],
    [["vault", "write", "A", "--", "-x"], ["vault", "write"], ["A", "--", "-x"]],
  ] as const
) {
  Deno.test(`split() finds the words of ${args.join(" ")}`, () => {
    assertEquals(split(args, isGroup), { words, rest });
  });
}

for (
  const [words, name] of [
    [["certificate", "list"], "certificate list"],
    [["certificate", "ls"], "certificate list"],
    [["vault", "rm"], "vault remove"],
    [["vault", "get"], undefined],
    [["certificate", "domain-authorization", "rm"], "certificate domain-authorization remove"],
    [["certificate", "domain-authorization"], undefined],
    [["certificate", "rm"], "certificate remove"],
    [["ls"], undefined],
    [[], undefined],
  ] as const
) {
  Deno.test(`findCommand() finds ${name} for "${words.join(" ")}"`, () => {
    assertEquals(findCommand(COMMANDS, words)?.name, name);
  });
}

for (
  const args of [
    ["--type", "dns-01", "--lb", "a", "--lb=b", "-u", "N", "V"],
    ["N", "V", "--lb", "a", "--lb", "b", "--upsert", "--auth-type=dns-01"],
    ["N", "--auth-type", "dns-01", "--lb=a", "V", "-u", "--lb", "b"],
  ]
) {
  Deno.test(`parse() takes options anywhere: ${args.join(" ")}`, () => {
    const input = read(args);
    assertEquals(input.args, ["N", "V"]);
    assertEquals(input.value("type"), "dns-01");
    assertEquals(input.values("lb"), ["a", "b"]);
    assertEquals(input.flag("upsert"), true);
  });
}

for (
  const [args, long] of [
    [["N"], undefined],
    [["N", "-l"], true],
    [["N", "--long"], true],
    [["N", "--no-long"], false],
    [["N", "--long", "--no-long"], false],
    [["N", "-ql"], true],
  ] as const
) {
  Deno.test(`parse() sets the switch of ${args.join(" ")} to ${long}`, () => {
    assertEquals(read(args).flag("long"), long);
  });
}

for (const args of [["N", PEM], [PEM, "V"], ["N", "--", "-V"]]) {
  Deno.test(`parse() takes what begins with a dash for a value: ${JSON.stringify(args)}`, () => {
    assertEquals(read(args).args, args.filter((it) => it !== "--"));
  });
}

Deno.test("parse() takes a PEM text for an option's value", () => {
  assertEquals(read(["N", "--type", PEM]).value("type"), PEM);
});

for (
  const [args, field, message] of [
    [["N", "--unknown"], "--unknown", "unknown option"],
    [["N", "--unknown=s3cret"], "--unknown", "unknown option"],
    [["N", "-x"], "-x", "unknown option"],
    [["N", "--s3cret\nline"], "option", "unknown option"],
    [["N", "--no-upsert"], "--no-upsert", "unknown option"],
    [["N", "--type"], "--type", "TYPE is missing"],
    [["N", "--type", "--lb", "a"], "--type", "TYPE is missing"],
    [["N", "--upsert=s3cret"], "--upsert", "the option takes no value"],
    [[], "NAME", "no value is given"],
    [["N", "V", "s3cret"], "arguments", "3 are given, 2 are expected"],
    [["N", PEM, "s3cret"], "arguments", "3 are given, 2 are expected"],
  ] as const
) {
  Deno.test(`parse() refuses ${JSON.stringify(args)}`, () => {
    const error = assertThrows(() => read(args), InputError);
    assertEquals([error.field, error.message, error.todo], [field, message, "see: kontena test it --help"]);
  });
}

for (const args of [["N", "--s3cret"], ["N", "-s3cret"], ["N", "--s3cret=s3cret"]]) {
  Deno.test(`parse() does not name ${args[1]} where it may be a secret`, () => {
    const { message, field, todo } = assertThrows(() => read(args, { ...COMMAND, takesSecret: true }), InputError);
    assertEquals([field, /s3cret/.test(message + todo)], ["option", false]);
  });
}

Deno.test("parse() wants no arguments where help is asked for", () => {
  assertEquals(read(["--help"]).flag("help"), true);
});
