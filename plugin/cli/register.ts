import { ApiError, path } from "./client.ts";
import { CommandError, type Input, type World } from "./command.ts";
import { printable } from "./errors.ts";
import { progress } from "./progress.ts";
import { readRegistration, type RegistrationAnswer } from "./wire.ts";

/** `certificate register`: shows the CA's terms and asks, unless they are agreed to already. */
export async function register({ args: [written = ""], flag }: Input, world: World): Promise<void> {
  await registerEmail(written, { agreed: flag("agree-tos") === true, newAccount: flag("new-account") === true }, world);
}

/** An e-mail address as people also write it: `<you@example.com>`, `mailto:you@example.com`. */
export function plainEmail(written: string): string {
  return written.replace(/^<(.*)>$/, "$1").replace(/^mailto:/i, "");
}

/** Does the work; where nobody has registered yet, a person at a terminal does it on the way, and the work is done again. */
export async function registered<T>(world: World, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { terminal } = world;
    if (!isUnregistered(error) || !terminal.inIsTerminal) throw error;
    terminal.err("Let's Encrypt registration missing, creating one.\nEmail for Let's Encrypt: ");
    const email = (await terminal.readLine())?.trim() ?? "";
    if (email === "") throw error;
    await registerEmail(email, { agreed: false, newAccount: false }, world);
    return await work();
  }
}

function isUnregistered(error: unknown): boolean {
  const body = error instanceof ApiError ? error.body as { readonly error?: unknown } | undefined : undefined;
  return typeof body?.error === "object" && body.error !== null && "le_registration" in body.error;
}

interface Wish {
  readonly agreed: boolean;
  /** In place of one that was deactivated. */
  readonly newAccount: boolean;
}

async function registerEmail(written: string, wish: Wish, { terminal, client }: World): Promise<void> {
  const { agreed, newAccount } = wish;
  const email = plainEmail(written);
  const route = path`v1/certificates/${client.grid}/register`;
  const about = readRegistration(await client.get(route));
  // Whether the account of the key that is there works is the sidecar's to say, before anybody is asked to agree.
  const another = about.deactivated === undefined || newAccount;
  if (!agreed && !about.registered && another) await agree(about, terminal);
  await progress(
    terminal,
    `Registering with ${hostOf(about)}`,
    () => client.send("POST", route, { email, agree_tos: true, ...(newAccount ? { new_account: true } : {}) }),
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
