import type { DnsName } from "../model/dns_name.ts";
import { selfSigned } from "./self_signed.ts";

/** A name that nobody can ask for (RFC 6761 §6.4). */
const NAME = "placeholder.invalid" as DnsName;

/**
 * Makes a self-signed certificate for no real name: a balancer that has none yet can start with it, and answers clients with
 * it whose name it does not know.
 *
 * @param now Valid from an hour before to ten years after it.
 * @returns Certificate and key as canonical PEM. Secret.
 *
 * @example
 * ```ts
 * import { placeholderCertificate } from "@kontena/certificates";
 *
 * const pem = await placeholderCertificate(new Date());
 * console.log(pem.startsWith("-----BEGIN CERTIFICATE-----"));
 * ```
 */
export async function placeholderCertificate(now: Date): Promise<string> {
  return (await selfSigned(NAME, now, { subject: "O=Placeholder", days: 3_650 })).pem;
}
