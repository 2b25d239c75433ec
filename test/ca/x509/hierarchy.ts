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
}

interface Node {
  readonly keys: CryptoKeyPair;
  readonly certificate: X509Certificate;
}

const YEAR_MS = 365 * 24 * 3_600_000;

/** Makes the roots and the intermediate below all of them. */
export async function makeHierarchy(count: number, now: Date): Promise<Hierarchy> {
  const keys = await makeKeys();
  const roots = await Promise.all(Array.from({ length: count }, (_, index) => makeRoot(index, now)));
  const intermediates = await Promise.all(roots.map((root, index) => makeIntermediate(keys, root, index, now)));
  return { keys, roots: some(roots.map(({ certificate }) => certificate)), intermediates: some(intermediates) };
}

/** A key pair that can be exported. */
export function makeKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(P256, true, ["sign", "verify"]);
}

/** SHA-1 of the public key, critical nowhere (RFC 5280 §4.2.1.2). */
export async function keyIdentifiers(own: CryptoKey, issuer: CryptoKey): Promise<readonly Extension[]> {
  return [await SubjectKeyIdentifierExtension.create(own), await AuthorityKeyIdentifierExtension.create(issuer)];
}

async function makeRoot(index: number, now: Date): Promise<Node> {
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: `0${index + 1}`,
    name: `CN=Test Authority Root ${index}`,
    notBefore: now,
    notAfter: new Date(now.getTime() + 30 * YEAR_MS),
    signingAlgorithm: P256,
    keys,
    extensions: [...usage(undefined), await SubjectKeyIdentifierExtension.create(keys.publicKey)],
  });
  return { keys, certificate };
}

async function makeIntermediate(
  keys: CryptoKeyPair,
  root: Node,
  index: number,
  now: Date,
): Promise<X509Certificate> {
  return await X509CertificateGenerator.create({
    serialNumber: `1${index}`,
    subject: "CN=Test Authority Intermediate",
    issuer: root.certificate.subject,
    notBefore: now,
    notAfter: new Date(now.getTime() + 10 * YEAR_MS),
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

function some<T>(items: readonly T[]): readonly [T, ...T[]] {
  const [first, ...rest] = items;
  if (first === undefined) throw new RangeError("Cannot make a hierarchy without a root");
  return [first, ...rest];
}
