import { CHALLENGE_TYPES } from "../../src/model/challenge_type.ts";
import { parseDnsName, parseDnsNames } from "../../src/model/dns_name.ts";
import { defaultSecretName } from "../../src/model/secret_name.ts";
import { given } from "../../src/model/shape.ts";
import { ApiError, explain, path } from "./client.ts";
import { checkServed } from "./check_served.ts";
import type { Command, Input, Options, World } from "./command.ts";
import { printable } from "./errors.ts";
import {
  authorizationText,
  certificateTable,
  certificateText,
  recordText,
  requestedText,
  storedText,
  twinWarning,
} from "./format.ts";
import { ACCEPT_COMMAND } from "./certificate_accept.ts";
import { ACCOUNT_COMMANDS } from "./account_commands.ts";
import { AUTHORIZATION_COMMANDS } from "./authorization_commands.ts";
import { END_COMMANDS } from "./certificate_ends.ts";
import { IMPORT_COMMAND } from "./certificate_files.ts";
import { progress } from "./progress.ts";
import { register, registered } from "./register.ts";
import { type CertificateAnswer, readCertificate } from "./certificate_wire.ts";
import { readAuthorization, readExplanation, readExport, readList, readParked } from "./wire.ts";

const KEY_TYPE: Options = {
  "key-type": {
    value: "KEY_TYPE",
    help: "ec-256, ec-384, rsa-2048, rsa-3072 or rsa-4096 (default: what the sidecar is set to)",
  },
};

const NOW: Options = {
  now: {
    help:
      "Ask the CA once although one of its limits is used up (RATE_LIMITS); what the CA itself asked to wait for binds",
  },
};

const DOMAINS = {
  name: "DOMAIN",
  count: "many",
  help: "A domain name; the first becomes the subject, the others alternative names",
} as const;

const SUBJECT = { name: "SUBJECT", help: "The first domain of the certificate" } as const;

/** `kontena certificate …`. */
export const CERTIFICATE_COMMANDS: readonly Command[] = [
  {
    name: "certificate register",
    summary: "Register with Let's Encrypt, or the CA that the sidecar is set to; needed once",
    positionals: [{ name: "EMAIL", help: "Where the CA may write to" }],
    options: {
      "agree-tos": { help: "Agree to the CA's terms of service without being asked" },
      "new-account": { help: "Make another account, with a key of its own, in place of one that was deactivated" },
    },
    examples: [
      "kontena certificate register you@example.com",
      'kontena vault write LE_PRIVATE_KEY "$(cat priv_key.pem)"    # before it, to use an account that exists',
    ],
    next: "kontena certificate authorize DOMAIN",
    run: register,
  },
  {
    name: "certificate authorize",
    summary: "Ask the CA how to prove that a domain is yours; nothing is proven yet",
    positionals: [{ name: "DOMAIN", help: 'The domain name, or a wildcard like "*.example.com" (with dns-01)' }],
    options: {
      "auth-type": {
        also: ["type"],
        value: "TYPE",
        help: `${CHALLENGE_TYPES.join(", ")} (default: dns-01)`,
      },
      "lb-link": {
        also: ["linked-service"],
        value: "LB",
        help: "The load balancer that answers the CA and serves the certificate, for example infra/lb",
      },
    },
    examples: [
      "kontena certificate authorize --auth-type dns-01 api.example.com",
      "kontena certificate authorize --type http-01 --linked-service infra/lb api.example.com",
    ],
    next: "set the TXT record (dns-01), or point the domain to the load balancer; then: kontena certificate get DOMAIN",
    run: authorize,
  },
  {
    name: "certificate get",
    summary:
      "Get a certificate for domains that were authorized, keep it in the vault, serve it by the linked balancers",
    positionals: [DOMAINS],
    options: {
      "secret-name": {
        value: "SECRET_NAME",
        help: "Base of the three secrets' names (default: LE_CERTIFICATE_ and the first domain)",
      },
      "cert-type": {
        value: "CERT_TYPE",
        help: 'The type of certificate to get: fullchain, chain or cert (default: "fullchain")',
      },
      ...KEY_TYPE,
      ...NOW,
    },
    examples: [
      "kontena certificate get api.example.com",
      "kontena certificate get --secret-name SSL_CERT_LE_TEST example.com www.example.com",
    ],
    next: "kontena certificate show SUBJECT; it is renewed by itself where every domain can be proven without you",
    run: get,
  },
  {
    name: "certificate request",
    summary: "Get a certificate in one step: domains that were not authorized are proven by the load balancer",
    positionals: [DOMAINS],
    options: {
      "linked-service": {
        value: "LB",
        many: true,
        help: "A load balancer that serves it, or all; may be repeated (default: the only one there is)",
      },
      ...KEY_TYPE,
      ...NOW,
    },
    examples: ["kontena certificate request --linked-service infra/lb example.com www.example.com"],
    next: "kontena certificate show SUBJECT",
    run: request,
  },
  {
    name: "certificate list",
    also: ["ls"],
    summary: "List the certificates",
    options: { q: { help: "Only the subjects" } },
    examples: ["kontena certificate list"],
    next: "kontena certificate show SUBJECT",
    run: list,
  },
  {
    name: "certificate show",
    summary: "Show a certificate and what the load balancers do with it",
    positionals: [SUBJECT],
    examples: ["kontena certificate show example.com"],
    next: "kontena certificate export SUBJECT",
    run: show,
  },
  {
    name: "certificate explain",
    summary: "Say in plain sentences what is held, what is served, what happens next and what failed last",
    positionals: [SUBJECT],
    examples: ["kontena certificate explain example.com"],
    next: "what the last sentence says, if anything failed",
    run: explainOne,
  },
  {
    name: "certificate export",
    summary: "Print a certificate: without options all of it, with its private key",
    positionals: [SUBJECT],
    options: {
      certificate: { also: ["cert"], help: "The certificate" },
      chain: { help: "The certificates of the CA that link it to a root" },
      "private-key": { also: ["key"], help: "The private key" },
    },
    examples: ["kontena certificate export --certificate --chain example.com > example.com.pem"],
    next: "keep what holds the key where only its user can read it",
    run: exportCertificate,
  },
  IMPORT_COMMAND,
  ACCEPT_COMMAND,
  ...END_COMMANDS,
  ...AUTHORIZATION_COMMANDS,
  ...ACCOUNT_COMMANDS,
];

async function authorize({ args: [written = ""], value }: Input, world: World): Promise<void> {
  const { terminal, client } = world;
  const domain = parseDnsName(written, "DOMAIN");
  tellConversion([written], [domain], terminal);
  const balancer = value("lb-link");
  const answer = readAuthorization(
    await registered(world, () =>
      progress(
        terminal,
        `Authorizing ${domain}`,
        () =>
          client.send("PUT", path`v1/domain_authorizations/${client.grid}/${domain}`, {
            domain,
            authorization_type: value("auth-type") ?? "dns-01",
            lb_link: balancer ?? null,
          }),
      )),
  );
  if (answer.status === "validated") {
    const until = answer.expiresAt === undefined ? "" : ` until ${answer.expiresAt}`;
    terminal.err(`${domain} is already authorized${until}: nothing has to be set, get the certificate\n`);
  } else {
    terminal.out(printable(authorizationText(answer, balancer ?? answer.balancer)));
  }
}

async function get({ args, value, flag }: Input, world: World): Promise<void> {
  const domains = readDomains(args, world);
  const certificate = await issue(world, {
    domains,
    secret_name: value("secret-name") ?? defaultSecretName(domains[0]),
    cert_type: value("cert-type") ?? "fullchain",
    key_type: value("key-type") ?? null,
    ...given("now", flag("now")),
  });
  world.terminal.out(printable(storedText(certificate)));
  world.terminal.err(printable(twinWarning(certificate)));
  checkServed(certificate);
}

async function request({ args, value, values, flag }: Input, world: World): Promise<void> {
  const domains = readDomains(args, world);
  const certificate = await issue(world, {
    domains,
    key_type: value("key-type") ?? null,
    linked_service: values("linked-service"),
    ...given("now", flag("now")),
  });
  world.terminal.out(printable(requestedText(certificate)));
  world.terminal.err(printable(twinWarning(certificate)));
  checkServed(certificate);
}

/** Records that have to be set first are printed before the refusal that says so. */
async function issue({ terminal, client }: World, body: IssueBody): Promise<CertificateAnswer> {
  try {
    return readCertificate(
      await progress(
        terminal,
        `Requesting certificate for ${body.domains.join(",")}`,
        () => client.send("POST", path`v1/grids/${client.grid}/certificates`, body),
      ),
    );
  } catch (error) {
    if (error instanceof ApiError) terminal.out(printable(readParked(error.body).map(recordText).join("")));
    throw error;
  }
}

async function list({ flag }: Input, { terminal, client, now }: World): Promise<void> {
  const answer = await client.get(path`v1/grids/${client.grid}/certificates`);
  const certificates = readList(answer, "certificates", readCertificate);
  terminal.out(
    flag("q") === true
      ? certificates.map(({ subject }) => `${subject}\n`).join("")
      : certificateTable(certificates, { now, colours: terminal.colours && terminal.outIsTerminal }),
  );
}

async function show({ args: [subject = ""] }: Input, { terminal, client }: World): Promise<void> {
  const answer = await known(subject, client.get(path`v1/certificates/${client.grid}/${subject}`));
  terminal.out(printable(certificateText(client.grid, readCertificate(answer))));
}

async function explainOne({ args: [subject = ""] }: Input, { terminal, client }: World): Promise<void> {
  const answer = await known(subject, client.get(path`v1/certificates/${client.grid}/${subject}/explain`));
  const { held, served, next, failed } = readExplanation(answer);
  const failure = failed === undefined ? [] : [`${failed.text} What helps: ${failed.todo}.`];
  terminal.out(printable([held, ...served, next, ...failure].map((it) => `${it}\n`).join("")));
}

async function exportCertificate({ args: [subject = ""], flag }: Input, { terminal, client }: World): Promise<void> {
  const answer = await known(subject, client.get(path`v1/certificates/${client.grid}/${subject}/export`));
  const { certificate, chain, privateKey } = readExport(answer);
  const parts = [["certificate", certificate], ["chain", chain], ["private-key", privateKey]] as const;
  const all = !parts.some(([name]) => flag(name) === true);
  const wanted = parts.filter(([name, pem]) => (all || flag(name) === true) && pem !== "");
  terminal.out(wanted.map(([, pem]) => `${pem.trimEnd()}\n`).join(""));
}

interface IssueBody {
  readonly domains: readonly string[];
  readonly [field: string]: unknown;
}

function readDomains(args: readonly string[], { terminal }: World): ReturnType<typeof parseDnsNames> {
  const domains = parseDnsNames(args, "DOMAIN");
  tellConversion(args, args.map((arg) => parseDnsName(arg, "DOMAIN")), terminal);
  return domains;
}

/** Shows how a name in Unicode is written in the certificate. */
function tellConversion(written: readonly string[], names: readonly string[], { err }: World["terminal"]): void {
  written.forEach((text, i) => {
    // deno-lint-ignore no-control-regex
    if (/[^\x00-\x7f]/.test(text)) err(`${text} is written ${names[i]} in DNS and in the certificate\n`);
  });
}

function known<T>(subject: string, work: Promise<T>): Promise<T> {
  return explain(404, `subject: there is no certificate for ${subject} (see: kontena certificate list)`, work);
}
