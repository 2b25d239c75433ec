import { SidecarError, type SidecarErrorOptions } from "../model/errors.ts";
import { type Certificate, readCertificate } from "./certificate.ts";
import { type PemBlock, readPem } from "./pem.ts";

/** Certificates as they came, in their order. */
export interface Chain {
  readonly certificates: readonly [Certificate, ...Certificate[]];
}

/**
 * Reads the chain that a CA sends (`application/pem-certificate-chain`, RFC 8555 §9.1): PEM certificates and nothing else.
 * CRLF, blank lines and a missing final newline are put right; text, DER and keys are refused.
 *
 * @throws {SidecarError} `CERTIFICATE_REJECTED`, saying what was found.
 */
export function readChain(pem: string): Chain {
  try {
    return { certificates: readCertificates(readPem(pem)) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw rejected(`its answer cannot be read: ${error.message}`);
  }
}

/**
 * Reads blocks as certificates.
 *
 * @throws {SyntaxError} If there is none, or one is not a certificate.
 */
export function readCertificates(blocks: readonly PemBlock[]): Chain["certificates"] {
  const [first, ...rest] = blocks.map((block, i) => {
    if (block.label !== "CERTIFICATE") throw new SyntaxError(`block ${i + 1} is not a certificate`);
    return numbered(i + 1, () => readCertificate(block.der));
  });
  if (first === undefined) throw new SyntaxError("there is no certificate");
  return [first, ...rest];
}

/** The error for a certificate of the CA that must not be used. */
export function rejected(found: string, options: SidecarErrorOptions = {}): SidecarError {
  return new SidecarError("CERTIFICATE_REJECTED", `Cannot use the certificate that the CA sent: ${found}`, {
    field: "certificate",
    todo: "the certificate in use stays as it is; repeat the command, and tell the CA if this comes back",
    ...options,
  });
}

function numbered<T>(number: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SyntaxError(`certificate ${number} is broken: ${why}`);
  }
}
