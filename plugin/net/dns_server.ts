import { InputError } from "../../src/model/errors.ts";

/** A DNS server to ask. */
export interface DnsServer {
  readonly ipAddr: string;
  readonly port: number;
}

/**
 * Reads `ip`, `ip:port` or `[ip]:port`.
 *
 * @param field Where it was written, for the error.
 * @throws {InputError} If it is anything else; a name is not possible, because who would resolve it?
 */
export function parseDnsServer(text: string, field = "dns_resolvers"): DnsServer {
  const parts = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(text) ?? /^([\d.]*):(\d{1,5})$/.exec(text);
  const [ipAddr = text, port = "53"] = parts?.slice(1) ?? [];
  const family = text.startsWith("[") ? isIPv6(ipAddr) : isIPv4(ipAddr) || isIPv6(ipAddr);
  if (!family || Number(port) < 1 || Number(port) > 65_535) {
    const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
    throw new InputError(field, `${shown} is not the address of a DNS server`, "write ip, ip:port or [ipv6]:port");
  }
  return { ipAddr, port: Number(port) };
}

// By the rules of URLs, so that node:net need not be loaded for it.
function isIPv4(text: string): boolean {
  return URL.parse(`http://${text}/`)?.hostname === text && /^[\d.]+$/.test(text);
}

function isIPv6(text: string): boolean {
  return text.includes(":") && URL.canParse(`http://[${text}]/`);
}
