import defer * as nodeCrypto from "node:crypto";
import type { DnsName } from "../../src/model/dns_name.ts";

/** The file of the challenge certificate for a name: it sorts last, so that it never becomes the default certificate. */
export function sniFile(name: DnsName): string {
  return `zz-acme-sni-${nodeCrypto.createHash("sha256").update(name).digest("hex").slice(0, 32)}.pem`;
}

/** Tells whether a base name is one of {@linkcode sniFile}. */
export function isSniFile(file: string): boolean {
  return /^zz-acme-sni-[0-9a-f]{32}\.pem$/.test(file);
}
