import { baseName, type DnsName } from "../model/dns_name.ts";

/** Where the TXT record of dns-01 belongs; a wildcard and its base name share it (RFC 8555 §8.4). */
export function recordName(name: DnsName): string {
  return `_acme-challenge.${baseName(name)}`;
}

/** What the TXT record of dns-01 holds: the SHA-256 of the key authorization, base64url (RFC 8555 §8.4). */
export async function dnsContent(keyAuthorization: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(keyAuthorization));
  return new Uint8Array(digest).toBase64({ alphabet: "base64url", omitPadding: true });
}
