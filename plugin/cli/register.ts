import { path } from "./client.ts";
import { CommandError, type Input, type World } from "./command.ts";
import { printable } from "./errors.ts";
import { progress } from "./progress.ts";
import { readRegistration, type RegistrationAnswer } from "./wire.ts";

/** `certificate register`: shows the CA's terms and asks, unless they are agreed to already. */
export async function register({ args: [written = ""], flag }: Input, { terminal, client }: World): Promise<void> {
  const email = written.replace(/^<(.*)>$/, "$1").replace(/^mailto:/i, "");
  const route = path`v1/certificates/${client.grid}/register`;
  const about = readRegistration(await client.get(route));
  if (flag("agree-tos") !== true && !about.registered) await agree(about, terminal);
  await progress(
    terminal,
    `Registering with ${hostOf(about)}`,
    () => client.send("POST", route, { email, agree_tos: true }),
  );
  terminal.out("Email registered to LetsEncrypt\n");
  if (!isLetsEncrypt(about)) terminal.out(printable(` The CA is ${hostOf(about)}: ${about.directory}\n`));
}

async function agree(about: RegistrationAnswer, terminal: World["terminal"]): Promise<void> {
  const { termsOfService } = about;
  if (termsOfService === undefined) return; // the CA has no terms
  const whose = isLetsEncrypt(about) ? "Let's Encrypt" : hostOf(about);
  terminal.out(printable(`By registering, you agree on ${whose} Terms of Service: ${termsOfService}\n`));
  terminal.out("Continue? ");
  const answer = await terminal.readLine();
  if (!terminal.inIsTerminal) terminal.out("\n");
  if (answer === undefined) {
    throw new CommandError(
      `Nobody answered whether to agree to ${termsOfService} (read it, then repeat with --agree-tos)`,
    );
  }
  if (!/^\s*y(es)?\s*$/i.test(answer)) throw new CommandError("Registration canceled!");
}

function isLetsEncrypt({ directory }: RegistrationAnswer): boolean {
  return /(^|\.)letsencrypt\.org$/.test(URL.parse(directory)?.hostname ?? "");
}

function hostOf({ directory }: RegistrationAnswer): string {
  return URL.parse(directory)?.host ?? directory;
}
