import { parseRevocationReason, REVOCATION_REASONS } from "../../src/model/revocation.ts";
import { explain, path } from "./client.ts";
import type { Command, Input, World } from "./command.ts";
import { confirmName } from "./confirm.ts";
import { printable } from "./errors.ts";
import { revokedText } from "./format.ts";
import { progress } from "./progress.ts";
import { readCertificate } from "./certificate_wire.ts";

const SUBJECT = { name: "SUBJECT", help: "The first domain of the certificate" } as const;

/** `kontena certificate remove` and `kontena certificate revoke`. */
export const END_COMMANDS: readonly Command[] = [
  {
    name: "certificate remove",
    also: ["rm"],
    summary: "Remove a certificate and its secrets; refused while a load balancer serves it",
    positionals: [SUBJECT],
    options: { force: { help: "Do not ask, and take it out of the load balancers first" } },
    examples: ["kontena certificate rm old.example.com", "kontena certificate rm --force old.example.com"],
    next: "kontena certificate list; one that CERTIFICATES declares comes back",
    run: remove,
  },
  {
    name: "certificate revoke",
    summary: "Tell the CA that a certificate must not be trusted any more; it cannot be taken back",
    positionals: [SUBJECT],
    options: {
      reason: { value: "REASON", help: `${Object.keys(REVOCATION_REASONS).join(", ")} (default: unspecified)` },
      force: { help: "Do not ask" },
    },
    examples: ["kontena certificate revoke --reason keyCompromise example.com"],
    next: "kontena certificate show SUBJECT; it is replaced by itself where every domain can be proven without you",
    run: revoke,
  },
];

async function remove(input: Input, world: World): Promise<void> {
  const { terminal, client } = world;
  const [subject = ""] = input.args;
  await confirmName(subject, input, world);
  const route = path`v1/certificates/${client.grid}/${subject}`;
  const query = input.flag("force") === true ? "?force=true" : "";
  await progress(
    terminal,
    `Removing certificate ${subject}`,
    () => known(subject, inUse(client.send("DELETE", `${route}${query}`))),
  );
}

async function revoke(input: Input, world: World): Promise<void> {
  const { terminal, client } = world;
  const [subject = ""] = input.args;
  const reason = parseRevocationReason(input.value("reason") ?? "unspecified", "--reason");
  await confirmName(subject, input, world);
  const answer = await progress(
    terminal,
    `Revoking certificate ${subject}`,
    () => known(subject, client.send("POST", path`v1/certificates/${client.grid}/${subject}/revoke`, { reason })),
  );
  terminal.out(printable(revokedText(readCertificate(answer), REVOCATION_REASONS[reason].replaced)));
}

function known<T>(subject: string, work: Promise<T>): Promise<T> {
  return explain(404, `subject: there is no certificate for ${subject} (see: kontena certificate list)`, work);
}

function inUse<T>(work: Promise<T>): Promise<T> {
  return explain(422, "--force takes it out of the load balancers first", work);
}
