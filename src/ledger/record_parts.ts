/**
 * Reads what the records of the ledger have in common, field by field; values are not quoted.
 *
 * @module
 */
import { type CertificateFacts, type CertType, parseCertType } from "../model/certificate.ts";
import { type DnsName, parseDnsName } from "../model/dns_name.ts";
import { KEY_TYPE_NAMES } from "../model/key_type.ts";
import type { CertificateOrigin, Intent, ServedVersion, ShadowedName } from "../model/records.ts";
import { type RenewalDraw, type RenewalWindow, renewalWindow } from "../model/renewal.ts";
import { type Revocation, REVOCATION_REASONS, type RevocationReason } from "../model/revocation.ts";
import { parseSecretName, type SecretName } from "../model/secret_name.ts";
import { type Finding, FINDING_NAMES, isRefusal, type Reason } from "../model/verdict.ts";
import { type Fields, flag, given, instant, list, object, oneOf, optional, text, texts, url } from "../model/shape.ts";

/** Reads a {@linkcode ServedVersion}. */
export function servedVersion(whole: Fields, field: string): ServedVersion {
  const it = object(whole[field], field);
  return {
    fingerprint: text(it, "fingerprint"),
    at: instant(it, "at"),
    shadowed: list(it, "shadowed").map(shadowedName),
  };
}

/** Reads an {@linkcode Intent}. */
export function intent(from: Fields, field: string): Intent {
  const it = object(from[field], field);
  return {
    names: dnsNames(it, "names"),
    keyType: oneOf(it, "keyType", KEY_TYPE_NAMES),
    secretName: secretName(it, "secretName"),
    certType: certType(it, "certType"),
    balancers: texts(it, "balancers"),
    ...given("twinOf", optional(it, "twinOf", secretName)),
    ...given("awaited", optional(it, "awaited", flag)),
  };
}

/** Records from before certificates could be imported do not say where they came from. */
export function originOf(it: Fields): CertificateOrigin {
  const origin = optional(it, "origin", (from, field) => oneOf(from, field, ["ca", "imported"])) ?? "ca";
  if (origin === "imported") return { origin };
  return { origin, directory: url(it, "directory"), account: url(it, "account"), order: url(it, "order") };
}

/** Reads a {@linkcode Revocation}. */
export function revocation(from: Fields, field: string): Revocation {
  const it = object(from[field], field);
  const reasons = Object.keys(REVOCATION_REASONS) as readonly RevocationReason[];
  return { at: instant(it, "at"), reason: oneOf(it, "reason", reasons) };
}

/** Reads findings of a judge. */
export function findings(from: Fields, field: string): readonly Finding[] {
  return list(from, field).map((json) => {
    const it = object(json, field);
    return { name: oneOf(it, "name", FINDING_NAMES), found: text(it, "found") };
  });
}

/** Reads the reasons of a refusal, of which there is one at least. */
export function reasons(from: Fields, field: string): readonly [Reason, ...Reason[]] {
  const [first, ...others] = findings(from, field).filter((it): it is Reason => isRefusal(it.name));
  if (first === undefined) throw new SyntaxError(`"${field}" has no reason`);
  return [first, ...others];
}

/** Reads {@linkcode CertificateFacts}. */
export function facts(from: Fields, field: string): CertificateFacts {
  const it = object(from[field], field);
  return {
    subject: text(it, "subject"),
    issuer: text(it, "issuer"),
    names: texts(it, "names").map((name) => parsed("names", () => parseDnsName(name))),
    serial: text(it, "serial"),
    notBefore: instant(it, "notBefore"),
    notAfter: instant(it, "notAfter"),
    fingerprint: text(it, "fingerprint"),
    ...given("certId", optional(it, "certId", text)),
  };
}

/** Reads a {@linkcode RenewalDraw}. */
export function draw(from: Fields, field: string): RenewalDraw {
  const it = object(from[field], field);
  return {
    window: window(it, "window"),
    at: instant(it, "at"),
    ...given("explanationUrl", optional(it, "explanationUrl", url)),
  };
}

function window(from: Fields, field: string): RenewalWindow {
  const it = object(from[field], field);
  const found = renewalWindow(instant(it, "start"), instant(it, "end"));
  if (found === undefined) throw new SyntaxError(`"${field}" ends before it starts`);
  return found;
}

/** Reads a {@linkcode ShadowedName}. */
export function shadowedName(json: unknown): ShadowedName {
  const it = object(json, "shadowed");
  return { name: dnsName(it, "name"), ...given("by", optional(it, "by", text)) };
}

/** Reads a domain name. */
export function dnsName(from: Fields, field: string): DnsName {
  return parsed(field, () => parseDnsName(text(from, field)));
}

/** Reads domain names, of which there is one at least. */
export function dnsNames(from: Fields, field: string): readonly [DnsName, ...DnsName[]] {
  const [first, ...rest] = texts(from, field).map((name) => parsed(field, () => parseDnsName(name)));
  if (first === undefined) throw new SyntaxError(`"${field}" is empty`);
  return [first, ...rest];
}

/** Reads the name of a secret. */
export function secretName(from: Fields, field: string): SecretName {
  return parsed(field, () => parseSecretName(text(from, field)));
}

function certType(from: Fields, field: string): CertType {
  return parsed(field, () => parseCertType(text(from, field)));
}

/** The parsers of user input name their own fields: here it is the record's. */
function parsed<T>(field: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    throw new SyntaxError(`"${field}" is not possible: ${error instanceof Error ? error.message : error}`);
  }
}
