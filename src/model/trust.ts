import type { ChainFacts } from "./chain_facts.ts";

/** Who is known to trust what a CA signs: every client, none, or that is not known (a CA of one's own). */
export type Trust = "public" | "test" | "unknown";

/** Hosts of ACME directories. What they sign is known by where it came from, whatever its intermediates are called. */
const DIRECTORY_HOSTS: Readonly<Record<string, Trust>> = {
  "acme-v02.api.letsencrypt.org": "public",
  "acme.zerossl.com": "public",
  "dv.acme-v02.api.pki.goog": "public",
  "acme.ssl.com": "public",
  "acme.digicert.com": "public",
  "acme.sectigo.com": "public",
  "acme.enterprise.sectigo.com": "public",
  "api.buypass.com": "public",
  "acme-staging-v02.api.letsencrypt.org": "test",
  "acme-staging.api.letsencrypt.org": "test",
  "dv.acme-v02.test-api.pki.goog": "test",
  "api.test4.buypass.no": "test",
};

/** Issuers that sign for trials: Let's Encrypt staging since 2021 and before, Pebble. */
const TEST_ISSUERS = [/\(STAGING\)/, /^CN=Fake LE /m, /^CN=Pebble (Intermediate|Root) CA/m];

/** Beginnings of the organizations that public CAs sign under: for certificates of which only the files are known. */
const PUBLIC_ORGANIZATIONS = [
  "Let's Encrypt",
  "Google Trust Services",
  "ZeroSSL",
  "Sectigo",
  "DigiCert",
  "SSL Corp",
  "GlobalSign",
  "Entrust",
  "Buypass",
  "GoDaddy",
  "Amazon",
  "Actalis",
  "IdenTrust",
  "COMODO",
];

/**
 * Decides who trusts a chain. A name that says "test" is believed above all; then the directory that it came from; then the
 * organization. A self-signed certificate is a trial: nobody trusts it.
 *
 * @param directory Of the CA, where it is known.
 */
export function trustOf({ links, selfSigned }: Pick<ChainFacts, "links" | "selfSigned">, directory?: URL): Trust {
  if (selfSigned || links.some(({ issuer }) => TEST_ISSUERS.some((it) => it.test(issuer)))) return "test";
  const known = directory === undefined ? undefined : DIRECTORY_HOSTS[directory.hostname];
  if (known !== undefined) return known;
  const organization = organizationOf(links[0].issuer) ?? "";
  return PUBLIC_ORGANIZATIONS.some((it) => organization.startsWith(it)) ? "public" : "unknown";
}

/** Who signed the leaf: the organization, because public CAs change their intermediates at random, else the CN. */
export function signerOf({ links: [leaf] }: Pick<ChainFacts, "links">): string {
  return organizationOf(leaf.issuer) ?? /^CN=(.+)$/m.exec(leaf.issuer)?.[1] ?? leaf.issuer.replaceAll("\n", ", ");
}

function organizationOf(issuer: string): string | undefined {
  return /^O=(.+)$/m.exec(issuer)?.[1];
}
