import { checkServed } from "./check_served.ts";
import { explain, path } from "./client.ts";
import type { Command, Input, World } from "./command.ts";
import { printable } from "./errors.ts";
import { requestedText } from "./format.ts";
import { progress } from "./progress.ts";
import { readCertificate } from "./certificate_wire.ts";

/** `kontena certificate accept`. */
export const ACCEPT_COMMAND: Command = {
  name: "certificate accept",
  summary: "Serve the newer certificate that was kept aside, though it is worse than the one in use",
  positionals: [{ name: "SUBJECT", help: "The first domain of the certificate" }],
  examples: [
    "kontena certificate show example.com    # why it was kept aside",
    "kontena certificate accept example.com",
  ],
  next: "kontena certificate show SUBJECT; what cannot be served at all is never accepted",
  run: accept,
};

async function accept({ args: [subject = ""] }: Input, { terminal, client }: World): Promise<void> {
  const answer = await progress(
    terminal,
    `Accepting certificate for ${subject}`,
    () =>
      explain(
        404,
        `subject: no certificate is kept aside for ${subject} (see: kontena certificate show ${subject})`,
        client.send("POST", path`v1/certificates/${client.grid}/${subject}/accept`, {}),
      ),
  );
  const accepted = readCertificate(answer);
  terminal.out(printable(requestedText(accepted)));
  checkServed(accepted);
}
