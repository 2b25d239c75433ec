import { getDomain } from "tldts";
import type { DnsName } from "../model/dns_name.ts";

/**
 * Finds the registered domain by the list of public suffixes that comes with the package, its private part included, as Boulder
 * does (publicsuffix-go's `Domain`). A name that is a suffix itself counts for itself, as there.
 *
 * @example
 * ```ts
 * import { parseDnsName, registeredDomain } from "@kontena/certificates";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(registeredDomain(parseDnsName("www.shop.example.co.uk")), "example.co.uk");
 * ```
 */
export function registeredDomain(name: DnsName): string {
  return getDomain(name, { allowPrivateDomains: true, extractHostname: false, validateHostname: false }) ?? name;
}
