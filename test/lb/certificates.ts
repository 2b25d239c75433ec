/**
 * The certificates of the environment, written to the directory when the container boots and never again.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { CERTIFICATE_PREFIX, type Env } from "./environment.ts";

/**
 * Writes each bundle that passes for valid. Other files are never touched, nor removed; without a valid bundle there is
 * not even a directory.
 */
export function writeCertificates(env: Env, directory: string, log: (line: string) => void): void {
  const valid = bundlesOf(env).filter(({ pem }) => isValid(pem, log));
  if (valid.length === 0) return;
  Deno.mkdirSync(directory, { recursive: true });
  for (const { name, pem } of valid) Deno.writeTextFileSync(`${directory}/${name}.pem`, pem);
}

interface NamedBundle {
  readonly name: string;
  readonly pem: string;
}

/** Pieces of `SSL_CERTS` are counted from 1, bad ones too. */
function bundlesOf(env: Env): readonly NamedBundle[] {
  const pieces = splitCertificates(env["SSL_CERTS"] ?? "");
  const single = Object.entries(env).filter(([name]) => name.startsWith(CERTIFICATE_PREFIX));
  return [
    ...pieces.map((pem, index) => ({ name: `cert${index + 1}_gen`, pem })),
    ...single.map(([name, pem]) => ({ name, pem })),
  ];
}

/** Each piece ends with the line that ends a private key; what comes after the last one is lost. */
export function splitCertificates(text: string): readonly string[] {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const pieces: string[] = [];
  let piece = "";
  for (const line of lines) {
    piece += line;
    if (!/-----END (.*)PRIVATE KEY-----/.test(line)) continue;
    pieces.push(piece.trim());
    piece = "";
  }
  return pieces;
}

/** The whole test: the first certificate in the text parses. Key, chain and dates are not looked at. */
function isValid(pem: string, log: (line: string) => void): boolean {
  try {
    const first = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/.exec(pem)?.[0] ?? "";
    log(`INFO -- Kontena::CertSplitter: valid certificate: ${new X509Certificate(first).subject}`);
    return true;
  } catch {
    // It may well be the beginning of a private key that is printed here.
    log(`WARN -- Kontena::CertSplitter: invalid certificate: ${pem.slice(0, 51)}`);
    return false;
  }
}
