import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** Algorithm of all keys of the authority's own. */
export const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** An intermediate that signs, and the roots above it. */
export interface Hierarchy {
  readonly keys: CryptoKeyPair;
  /** One certificate of the intermediate's key a root: the first is the default, the others are cross-signed. */
  readonly intermediates: readonly [X509Certificate, ...X509Certificate[]];
  readonly roots: readonly [X509Certificate, ...X509Certificate[]];
  /** Makes a certificate of the intermediate's key that has expired by then. */
  expired(now: Date): Promise<X509Certificate>;
}

interface Node {
  readonly keys: CryptoKeyPair;
  readonly certificate: X509Certificate;
}

const DAY_MS = 24 * 3_600_000;
const YEAR_MS = 365 * DAY_MS;

/** Makes the roots and the intermediate below all of them; `label` stands in all names. */
export async function makeHierarchy(count: number, now: Date, label = "Test Authority"): Promise<Hierarchy> {
  const keys = await makeKeys();
  const roots = await Promise.all(Array.from({ length: count }, (_, index) => makeRoot(`${label} Root`, index, now)));
  const sign = (root: Node, index: number, notBefore: Date, notAfter: Date): Promise<X509Certificate> =>
    makeIntermediate(`${label} Intermediate`, keys, root, { index, notBefore, notAfter });
  const later = new Date(now.getTime() + 10 * YEAR_MS);
  const [first, ...others] = roots;
  if (first === undefined) throw new RangeError("Cannot make a hierarchy without a root");
  return {
    keys,
    roots: [first.certificate, ...others.map(({ certificate }) => certificate)],
    intermediates: [
      await sign(first, 0, now, later),
      ...await Promise.all(others.map((root, index) => sign(root, index + 1, now, later))),
    ],
    expired: (now) => sign(first, 9, new Date(now.getTime() - YEAR_MS), new Date(now.getTime() - DAY_MS)),
  };
}

/** A key pair that can be exported. */
export function makeKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(P256, true, ["sign", "verify"]);
}

/** SHA-1 of the public key, critical nowhere (RFC 5280 §4.2.1.2). */
export async function keyIdentifiers(own: CryptoKey, issuer: CryptoKey): Promise<readonly Extension[]> {
  return [await SubjectKeyIdentifierExtension.create(own), await AuthorityKeyIdentifierExtension.create(issuer)];
}

async function makeRoot(name: string, index: number, now: Date): Promise<Node> {
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: `0${index + 1}`,
    name: commonName(`${name} ${index}`),
    notBefore: now,
    notAfter: new Date(now.getTime() + 30 * YEAR_MS),
    signingAlgorithm: P256,
    keys,
    extensions: [...usage(undefined), await SubjectKeyIdentifierExtension.create(keys.publicKey)],
  });
  return { keys, certificate };
}

async function makeIntermediate(
  name: string,
  keys: CryptoKeyPair,
  root: Node,
  { index, notBefore, notAfter }: { readonly index: number; readonly notBefore: Date; readonly notAfter: Date },
): Promise<X509Certificate> {
  return await X509CertificateGenerator.create({
    serialNumber: `1${index}`,
    subject: commonName(name),
    issuer: root.certificate.subject,
    notBefore,
    notAfter,
    signingAlgorithm: P256,
    publicKey: keys.publicKey,
    signingKey: root.keys.privateKey,
    extensions: [...usage(0), ...await keyIdentifiers(keys.publicKey, root.keys.publicKey)],
  });
}

function usage(pathLength: number | undefined): readonly Extension[] {
  return [
    new BasicConstraintsExtension(true, pathLength, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature, true),
  ];
}

/** Parentheses mean something in the text form of a name (RFC 4514). */
function commonName(text: string): { readonly CN: string[] }[] {
  return [{ CN: [text] }];
}
