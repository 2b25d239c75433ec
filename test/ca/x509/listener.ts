import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { keyIdentifiers, makeHierarchy, makeKeys, P256 } from "./hierarchy.ts";
import { toPem } from "./pem.ts";

/** What the authority's own https needs. */
export interface Listener {
  /** PEM of the certificate and the intermediate. */
  readonly certificates: string;
  /** PEM. */
  readonly privateKey: string;
  /** PEM: what a client has to trust. */
  readonly root: string;
}

/** What can be wrong with it on purpose. */
export type ListenerFlaw = "expired" | "other-host";

const DAY_MS = 86_400_000;

/** A certificate for loopback and the host name, under a root of its own: nobody shall trust the issuing one for this. */
export async function makeListener(hostname: string, now: Date, flaw?: ListenerFlaw): Promise<Listener> {
  const from = new Date(now.getTime() - DAY_MS);
  const { keys: issuer, intermediates: [intermediate], roots: [root] } = await makeHierarchy(1, from);
  const keys = await makeKeys();
  const isAddress = /^[0-9.]+$|:/.test(hostname);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: "20",
    subject: "CN=Test Authority",
    issuer: intermediate.subject,
    notBefore: from,
    notAfter: new Date(now.getTime() + (flaw === "expired" ? -DAY_MS / 2 : 365 * DAY_MS)),
    signingAlgorithm: P256,
    publicKey: keys.publicKey,
    signingKey: issuer.privateKey,
    extensions: [
      new BasicConstraintsExtension(false),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        flaw === "other-host" ? [{ type: "dns", value: "other.test" }] : [
          { type: "dns", value: "localhost" },
          { type: "ip", value: "127.0.0.1" },
          { type: "ip", value: "::1" },
          { type: isAddress ? "ip" : "dns", value: hostname },
        ],
      ),
      ...await keyIdentifiers(keys.publicKey, issuer.publicKey),
    ],
  });
  const pem = (der: ArrayBuffer): string => toPem("CERTIFICATE", new Uint8Array(der));
  return {
    certificates: pem(certificate.rawData) + pem(intermediate.rawData),
    privateKey: toPem("PRIVATE KEY", new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey))),
    root: pem(root.rawData),
  };
}
