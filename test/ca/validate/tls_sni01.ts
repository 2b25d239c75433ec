import { createHash } from "node:crypto";
import { Problem } from "../problem.ts";
import { visit } from "../tls/visit.ts";
import { dnsNames, readCertificate, shownNames } from "../x509/read_certificate.ts";
import { firstReachable, type Look } from "./look.ts";

/** draft-ietf-acme-acme-01 §7.3 with n = 1, as Let's Encrypt used it: any SAN of the leaf may be the name that was asked for. */
export async function tlsSni01(look: Look): Promise<void> {
  const { tlsPort: port } = look;
  const zName = tlsSniName(look.keyAuthorization);
  const { found: { certificates }, at } = await firstReachable(
    look,
    port,
    (address) => visit({ address, port, serverName: zName }, look.signal),
  );
  const [leaf] = certificates;
  if (leaf === undefined) throw new Problem("unauthorized", "No certs presented for tls-sni-01 challenge");
  const certificate = readCertificate(leaf);
  if (dnsNames(certificate).includes(zName)) return;
  throw new Problem(
    "unauthorized",
    `Incorrect validation certificate for tls-sni-01 challenge. Requested ${zName} from ${at}. ` +
      `Received ${certificates.length} certificate(s), first certificate had names "${shownNames(certificate)}"`,
  );
}

/** The name that is asked for: the digest of the key authorization, cut into two labels. */
export function tlsSniName(keyAuthorization: string): string {
  const digest = createHash("sha256").update(keyAuthorization).digest("hex");
  return `${digest.slice(0, 32)}.${digest.slice(32)}.acme.invalid`;
}
