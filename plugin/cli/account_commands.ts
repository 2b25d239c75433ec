import { path } from "./client.ts";
import type { Command, Input, World } from "./command.ts";
import { confirmName } from "./confirm.ts";
import { printable } from "./errors.ts";
import { accountText, changedKeyText, recordText } from "./format.ts";
import { progress } from "./progress.ts";
import { plainEmail } from "./register.ts";
import { type AccountAnswer, readAccount, readParked } from "./wire.ts";

/** `kontena certificate account …`. */
export const ACCOUNT_COMMANDS: readonly Command[] = [
  {
    name: "certificate account show",
    summary: "Show the account at the CA: where it is, its key's kind and thumbprint, whether it works",
    examples: ["kontena certificate account show"],
    next: "kontena certificate account rollover",
    run: show,
  },
  {
    name: "certificate account update",
    summary: "Give the CA another e-mail address in place of the account's",
    positionals: [{ name: "EMAIL", help: "Where the CA may write to" }],
    examples: ["kontena certificate account update you@example.com"],
    next: "kontena certificate account show; Let's Encrypt takes addresses and keeps none",
    run: update,
  },
  {
    name: "certificate account rollover",
    summary: "Give the account another key; what is under way is waited for, the account and its certificates stay",
    examples: ["kontena certificate account rollover"],
    next: "set the TXT records that are shown, if any, anew; the key before is an earlier version of LE_PRIVATE_KEY",
    run: rollover,
  },
  {
    name: "certificate account deactivate",
    summary: "End the account at the CA for ever: certificates are served on, but none is renewed",
    options: { force: { help: "Do not ask" } },
    examples: ["kontena certificate account deactivate"],
    next: "kontena certificate register --new-account EMAIL makes another account; nothing else does",
    run: deactivate,
  },
];

async function show(_: Input, { terminal, client }: World): Promise<void> {
  const answer = await client.get(path`v1/certificates/${client.grid}/account`);
  terminal.out(printable(accountText(client.grid, readAccount(answer))));
}

async function update({ args: [written = ""] }: Input, { terminal, client }: World): Promise<void> {
  const email = plainEmail(written);
  const answer = await progress(
    terminal,
    "Updating the account",
    () => client.send("PUT", path`v1/certificates/${client.grid}/account`, { email }),
  );
  terminal.out(printable(`The contact of the account ${readAccount(answer).url} is ${email}\n`));
}

async function rollover(_: Input, { terminal, client }: World): Promise<void> {
  const answer = await progress(
    terminal,
    "Changing the account's key",
    () => client.send("POST", path`v1/certificates/${client.grid}/account/rollover`),
  );
  terminal.out(printable(changedKeyText(readAccount(answer))));
  const records = readParked(answer);
  if (records.length > 0) terminal.out("These TXT records are other ones with the new key, set them anew:\n");
  terminal.out(printable(records.map(recordText).join("")));
}

async function deactivate(input: Input, world: World): Promise<void> {
  const { terminal, client } = world;
  const account = readAccount(await client.get(path`v1/certificates/${client.grid}/account`));
  if (account.state !== "deactivated") await confirmName(account.email ?? hostOf(account), input, world);
  const answer = await progress(
    terminal,
    `Deactivating the account at ${hostOf(account)}`,
    () => client.send("POST", path`v1/certificates/${client.grid}/account/deactivate`),
  );
  const { url } = readAccount(answer);
  terminal.out(printable(
    `The account ${url} is deactivated: certificates are served on, but none is renewed\n` +
      "To make another one: kontena certificate register --new-account EMAIL\n",
  ));
}

function hostOf({ directory }: AccountAnswer): string {
  return URL.parse(directory)?.host ?? directory;
}
