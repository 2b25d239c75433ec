import { checkServed } from "./check_served.ts";
import { path } from "./client.ts";
import { type Command, CommandError, type Input, type World } from "./command.ts";
import { printable } from "./errors.ts";
import { certificateText } from "./format.ts";
import { progress } from "./progress.ts";
import { readCertificate } from "./certificate_wire.ts";

/** `kontena certificate import`. */
export const IMPORT_COMMAND: Command = {
  name: "certificate import",
  summary: "Keep a certificate from elsewhere, in place of the one of the same subject, and serve it",
  positionals: [{ name: "CERT_FILE", help: "The certificate in PEM; its chain and key may stand in the same file" }],
  options: {
    "private-key": { also: ["key"], value: "KEY_FILE", help: "Its private key (default: the one in CERT_FILE)" },
    chain: { value: "CHAIN_FILE", many: true, help: "Certificates of the CA, in any order; may be repeated" },
    subject: { value: "SUBJECT", help: "The subject that it must have (default: the certificate's CN)" },
    "linked-service": {
      also: ["lb-link"],
      value: "LB",
      many: true,
      help: "A load balancer that serves it, or all; may be repeated (default: as before, else the only one there is)",
    },
    force: { help: "Also one that is not for servers, or is signed too weakly" },
  },
  examples: ["kontena certificate import --private-key www.key --chain ca.pem www.crt"],
  next: "kontena certificate show SUBJECT; renewed by itself only where its domains are authorized",
  run: importCertificate,
};

async function importCertificate({ args: [file = ""], value, values, flag }: Input, world: World): Promise<void> {
  const { terminal, client } = world;
  const certificate = await readCertificates(file, world);
  const chain = await Promise.all(values("chain").map((name) => readCertificates(name, world)));
  const key = value("private-key");
  if (key === undefined && !certificate.text.includes("PRIVATE KEY-----")) {
    throw new CommandError(`The option --private-key is missing, and ${file} holds no key`);
  }
  const subject = value("subject") ?? certificate.subject;
  if (subject === undefined) throw new CommandError(`No CN in certificate subject: ${certificate.shown}`);
  const answer = await progress(
    terminal,
    `Importing certificate from ${file}...`,
    () =>
      client.send("PUT", path`v1/certificates/${client.grid}/${subject}`, {
        certificate: certificate.text,
        private_key: key === undefined ? null : read(key, world),
        chain: chain.map((it) => it.text),
        linked_service: values("linked-service"),
        ...flag("force") === true ? { force: true } : {},
      }),
  );
  const imported = readCertificate(answer);
  terminal.out(printable(certificateText(client.grid, imported)));
  checkServed(imported);
}

interface CertificateFile {
  readonly text: string;
  /** CN of the first that is not a CA's, else its first DNS name. */
  readonly subject?: string;
  /** The subject, for a person. */
  readonly shown: string;
}

/** Reads a file of certificates; what is wrong with the chain as a whole is the sidecar's to say. */
async function readCertificates(file: string, world: World): Promise<CertificateFile> {
  const text = read(file, world);
  const blocks = [...text.matchAll(/-----BEGIN (X509 )?CERTIFICATE-----[^-]*-----END (X509 )?CERTIFICATE-----/g)];
  if (blocks.length === 0) throw new CommandError(`Invalid certificate at ${file}: there is no PEM certificate in it`);
  // Only an import needs it: the other commands start faster without it.
  const { X509Certificate } = await import("node:crypto");
  const found = blocks.map(([pem], i) => {
    try {
      const it = new X509Certificate(pem.replaceAll("X509 CERTIFICATE", "CERTIFICATE"));
      return { ca: it.ca, subject: it.subject ?? "", names: it.subjectAltName ?? "" };
    } catch {
      throw new CommandError(`Invalid certificate at ${file}: number ${i + 1} is not an X.509 certificate`);
    }
  });
  const leaf = found.find(({ ca }) => !ca) ?? found[0];
  const subject = /^CN=(.+)$/m.exec(leaf?.subject ?? "")?.[1] ?? /DNS:([^,\s]+)/.exec(leaf?.names ?? "")?.[1];
  return { text, ...(subject === undefined ? {} : { subject }), shown: leaf?.subject.replaceAll("\n", "/") ?? "" };
}

function read(path: string, { file }: World): string {
  const text = file(path);
  if (text === undefined) throw new CommandError(`File not found: ${path}`);
  return text;
}
