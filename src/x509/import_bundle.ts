import type { Bundle } from "../model/certificate.ts";
import { InputError } from "../model/errors.ts";
import type { KeyType } from "../model/key_type.ts";
import { type Certificate, holdsKey, isSelfSigned, isSignedBy } from "./certificate.ts";
import { readCertificates } from "./chain.ts";
import { toBundle } from "./check_chain.ts";
import { importKey, type KeyPair } from "./keys.ts";
import { type PemBlock, readPem, writePem } from "./pem.ts";

/** What a person brings: PEM texts as other programs write them. */
export interface ForeignParts {
  /** The certificate; its chain and its key may stand in the same text. */
  readonly certificate: string;
  /** The key, where it is not in the text of the certificate. Secret. */
  readonly privateKey?: string;
  /** Further certificates, in any order. */
  readonly chain: readonly string[];
}

/** The longest chains in use have four; more than this is a collection and no chain. */
const MOST_CERTIFICATES = 10;
/** As for certificates of a CA: so far may our clock be behind. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/**
 * Makes a bundle of what a person brings, or refuses it with the reason: the leaf is the certificate that holds the key, the
 * others are put in order behind it, roots are dropped. Text around the PEM blocks, as `openssl pkcs12` writes it, is passed
 * over.
 *
 * @throws {InputError} For `certificate`, `private_key` or `chain`, if a part cannot be read, the key belongs to none of the
 * certificates, one of them is not valid now, or one has no place in the chain. The texts are not quoted.
 */
export async function importBundle(
  parts: ForeignParts,
  now: Date,
): Promise<{ readonly bundle: Bundle; readonly keyType: KeyType }> {
  const own = blocksOf(parts.certificate, "certificate");
  const key = await importKey(keyText(parts, own), "private_key");
  const certificates = [
    ...certificatesOf(own.filter((block) => !isKey(block)), "certificate"),
    ...parts.chain.flatMap((text) => certificatesOf(blocksOf(text, "chain"), "chain")),
  ];
  const chain = inOrder(distinct(certificates), key);
  checkDates(chain, now);
  return { bundle: toBundle(chain, key), keyType: key.type };
}

type Chain = readonly [Certificate, ...Certificate[]];

function keyText({ privateKey }: ForeignParts, own: readonly PemBlock[]): string {
  if (privateKey !== undefined) return withoutText(privateKey);
  const keys = own.filter(isKey);
  if (keys.length > 0) return keys.map((block) => writePem(block.label, block.der)).join("");
  throw new InputError("private_key", "Private Key is required", "give the key of the certificate in PEM");
}

function blocksOf(text: string, field: string): readonly PemBlock[] {
  return reading(field, () => readPem(withoutText(text)));
}

function certificatesOf(blocks: readonly PemBlock[], field: string): readonly Certificate[] {
  // RFC 7468 §5.1: the older label means the same.
  const renamed = blocks.map((block) =>
    block.label === "X509 CERTIFICATE" ? { ...block, label: "CERTIFICATE" } : block
  );
  return reading(field, () => readCertificates(renamed));
}

function reading<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new InputError(field, `Cannot read the ${field}: ${error.message}`, "give certificates in PEM");
  }
}

/** Leaves only the PEM blocks (RFC 7468 §2 lets parsers pass over what stands outside); linear in the length of the text. */
function withoutText(text: string): string {
  const blocks: string[] = [];
  for (let at = text.indexOf(BEGIN); at >= 0;) {
    const end = text.indexOf(END, at);
    const last = end < 0 ? -1 : text.indexOf("-----", end + END.length);
    if (last < 0) return [...blocks, text.slice(at)].join("\n"); // cut off: the reader says so
    blocks.push(text.slice(at, last + 5));
    at = text.indexOf(BEGIN, last + 5);
  }
  return blocks.length === 0 ? text : blocks.join("\n");
}

const BEGIN = "-----BEGIN ";
const END = "-----END ";

/** The same certificate often stands in the file of the leaf and in that of the chain. */
function distinct(certificates: readonly Certificate[]): readonly Certificate[] {
  return [...new Map(certificates.map((it) => [it.facts.fingerprint, it])).values()];
}

function inOrder(certificates: readonly Certificate[], key: KeyPair): Chain {
  if (certificates.length > MOST_CERTIFICATES) {
    throw unordered(`there are ${certificates.length} certificates, the most is ${MOST_CERTIFICATES}`);
  }
  const leaf = certificates.find((it) => holdsKey(it, key));
  if (leaf === undefined) throw new InputError("private_key", "The key does not belong to the certificate", WRONG_KEY);
  const others = certificates.filter((it) => it !== leaf);
  const roots = others.filter(isSelfSigned);
  const chain = longest([leaf], others.filter((it) => !roots.includes(it)));
  const idle = others.find((it) => !chain.includes(it) && !(roots.includes(it) && signsOneOf(it, chain)));
  if (idle !== undefined) throw unordered(`${shown(idle.facts.subject)} has not signed any other certificate of it`);
  return chain;
}

/** The longest way up from the last certificate: two CAs may have the same name and key and lead to different roots. */
function longest(chain: Chain, rest: readonly Certificate[]): Chain {
  const ways = rest
    .filter((it) => it.isAuthority && isSignedBy(chain.at(-1) ?? chain[0], it))
    .map((it) => longest([...chain, it], rest.filter((other) => other !== it)));
  return ways.reduce((best, way) => way.length > best.length ? way : best, chain);
}

function signsOneOf(root: Certificate, chain: Chain): boolean {
  return chain.some((it) => isSignedBy(it, root));
}

function checkDates([leaf, ...rest]: Chain, now: Date): void {
  checkDate(leaf, "certificate", now);
  for (const it of rest) checkDate(it, "chain", now);
}

function checkDate({ facts: { subject, notBefore, notAfter } }: Certificate, field: string, now: Date): void {
  const who = `The certificate ${shown(subject)}`;
  if (notAfter <= now) {
    throw new InputError(field, `${who} expired at ${notAfter.toISOString()}`, "import one that is valid");
  }
  if (notBefore.getTime() <= now.getTime() + CLOCK_TOLERANCE_MS) return;
  const found = `${who} is not valid before ${notBefore.toISOString()}, and it is ${now.toISOString()} here`;
  throw new InputError(field, found, "import it then, or set this machine's clock");
}

const WRONG_KEY = "compare: openssl x509 -noout -pubkey -in CERT_FILE, openssl pkey -pubout -in KEY_FILE";

function unordered(why: string): InputError {
  return new InputError(
    "chain",
    `Cannot put the chain in order: ${why}`,
    "give the certificates that lead from the certificate to its root, and no others",
  );
}

function isKey(block: PemBlock): boolean {
  return block.label.endsWith("PRIVATE KEY") || block.label === "EC PARAMETERS";
}

/** Names in certificates are foreign text. */
function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
