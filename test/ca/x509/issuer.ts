import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  CertificatePolicyExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { Certificate } from "../state/types.ts";
import { certId } from "./cert_id.ts";
import { type Hierarchy, makeHierarchy, P256 } from "./hierarchy.ts";
import { toPem } from "./pem.ts";
import type { Checked } from "./check_csr.ts";
import type { Profile } from "./profiles.ts";

/** What a certificate shall be. */
export interface IssueRequest extends Checked {
  readonly names: readonly string[];
  readonly profile: Profile;
  readonly now: Date;
  /** Positive, without the zero that DER puts before a first bit that is set. */
  readonly serial: Uint8Array<ArrayBuffer>;
  /** `serverAuth` unless told. */
  readonly usages?: readonly (keyof typeof ExtendedKeyUsage)[];
  /** Another CA with a root of its own and this in all its names. */
  readonly issuedBy?: string;
  /** Without authority key identifier. */
  readonly withoutAuthorityKey?: boolean;
}

/** Another CA. */
export interface OtherCa {
  readonly rootPem: string;
  readonly intermediatePem: string;
}

/** What came of it. */
export type Issued = Pick<Certificate, "serial" | "certId" | "der" | "spki" | "chains" | "notBefore" | "notAfter">;

/** Signs certificates. */
export interface Issuer {
  /** PEM; the first is the root of the default chain. */
  readonly roots: readonly [string, ...string[]];
  /** PEM of the intermediate as each root signed it. */
  readonly intermediates: readonly string[];
  issue(request: IssueRequest): Promise<Issued>;
  /** Another CA with this in all its names; the same one each time. */
  other(label: string): Promise<OtherCa>;
  /** The intermediate's key in a certificate that has expired, PEM. */
  expiredIntermediate(now: Date): Promise<string>;
}

const HOUR_MS = 3_600_000;
/** RFC 5280 §A.1, ub-common-name. */
const LONGEST_COMMON_NAME = 64;
const DOMAIN_VALIDATED = "2.23.140.1.2.1"; // CA/Browser Forum

/** Makes the authority's own keys and certificates; `chains` counts the roots. */
export async function makeIssuer(chains: number, now: Date): Promise<Issuer> {
  const begin = new Date(now.getTime() - 24 * HOUR_MS);
  const own = await makeHierarchy(chains, begin);
  const others = new Map<string, Promise<Hierarchy>>();
  const other = (label: string): Promise<Hierarchy> =>
    others.getOrInsertComputed(label, () => makeHierarchy(1, begin, label));
  const [first, ...more] = own.roots.map(pemOf);
  return {
    roots: [first ?? "", ...more],
    intermediates: own.intermediates.map(pemOf),
    issue: async (request) =>
      await issue(request.issuedBy === undefined ? own : await other(request.issuedBy), request),
    async other(label): Promise<OtherCa> {
      const { roots: [root], intermediates: [intermediate] } = await other(label);
      return { rootPem: pemOf(root), intermediatePem: pemOf(intermediate) };
    },
    expiredIntermediate: async (now) => pemOf(await own.expired(now)),
  };
}

function pemOf({ rawData }: { readonly rawData: ArrayBuffer }): string {
  return toPem("CERTIFICATE", new Uint8Array(rawData));
}

async function issue(hierarchy: Hierarchy, request: IssueRequest): Promise<Issued> {
  const { names, profile, now, spki } = request;
  const [{ subject: issuer }] = hierarchy.intermediates;
  const publicKey = new PublicKey(spki);
  const notBefore = seconds(now.getTime() - HOUR_MS);
  const notAfter = seconds(notBefore.getTime() + profile.lifetimeMs - 1000); // its last second counts
  const wished = request.commonName ?? names.find((it) => it.length <= LONGEST_COMMON_NAME);
  const commonName = profile.commonName ? wished : undefined;
  const authorityKey = await AuthorityKeyIdentifierExtension.create(hierarchy.keys.publicKey);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: unsigned(request.serial).toHex(),
    ...(commonName === undefined ? {} : { subject: `CN=${commonName}` }),
    issuer,
    notBefore,
    notAfter,
    signingAlgorithm: P256,
    publicKey,
    signingKey: hierarchy.keys.privateKey,
    extensions: [
      ...extensions(request, commonName === undefined),
      ...(request.withoutAuthorityKey === true ? [] : [authorityKey]),
      await SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  const der = new Uint8Array(certificate.rawData);
  return {
    serial: request.serial.toHex().toUpperCase(),
    certId: certId(Uint8Array.fromHex(authorityKey.keyId ?? ""), unsigned(request.serial)),
    der,
    spki: new Uint8Array(certificate.publicKey.rawData).toHex(),
    chains: hierarchy.intermediates.map((it) => toPem("CERTIFICATE", der) + pemOf(it)),
    notBefore,
    notAfter,
  };
}

/** The SAN is critical where there is no subject (RFC 5280 §4.1.2.6). */
function extensions({ names, usages = ["serverAuth"] }: IssueRequest, isSubject: boolean): readonly Extension[] {
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    ...(usages.length === 0 ? [] : [new ExtendedKeyUsageExtension(usages.map((it) => ExtendedKeyUsage[it]))]),
    new SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns" as const, value })), isSubject),
    new CertificatePolicyExtension([DOMAIN_VALIDATED]),
  ];
}

/** An INTEGER of DER is signed. */
function unsigned(serial: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return (serial[0] ?? 0) >= 0x80 ? Uint8Array.of(0, ...serial) : serial;
}

function seconds(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}
