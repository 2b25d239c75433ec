import type { Bundle } from "../model/certificate.ts";
import { InputError } from "../model/errors.ts";
import { readCertificates, readChain } from "./chain.ts";
import { linkFault, toBundle } from "./check_chain.ts";
import { importKey } from "./keys.ts";
import { type PemBlock, readPem, writePem } from "./pem.ts";

/**
 * Reads a stored bundle: the leaf, its intermediates and the private key, which may stand anywhere. Dates and names are not
 * looked at: an expired bundle is still what a balancer serves.
 *
 * @param pem As it comes from the vault, where the final newline may have been stripped. Secret.
 * @param field Where it was stored, for the error.
 * @throws {InputError} If it is not a bundle whose parts belong together. The text is not quoted.
 */
export async function readBundle(pem: string, field = "bundle"): Promise<Bundle> {
  const blocks = attempt(field, () => readPem(pem));
  const certificates = attempt(field, () => readCertificates(blocks.filter((block) => !isKey(block))));
  const keyBlocks = blocks.filter(isKey);
  if (keyBlocks.length === 0) throw unreadable(field, "there is no private key");
  const key = await importKey(keyBlocks.map((block) => writePem(block.label, block.der)).join(""), field);
  const fault = linkFault(certificates, key);
  if (fault !== undefined) throw unreadable(field, fault);
  return toBundle(certificates, key);
}

/**
 * The first certificate of a stored bundle in DER.
 *
 * @throws {InputError} If there is none.
 */
export function leafDer(pem: string, field = "bundle"): Uint8Array<ArrayBuffer> {
  const leaf = attempt(field, () => readPem(pem)).find((block) => block.label === "CERTIFICATE");
  if (leaf === undefined) throw unreadable(field, "there is no certificate");
  return leaf.der;
}

/**
 * Tells whether a chain leads to the issuer with this common name (`ACME_PREFERRED_CHAIN`): whether any certificate of it
 * was issued under that name.
 *
 * @throws {SidecarError} `CERTIFICATE_REJECTED` if the chain cannot be read.
 */
export function chainMatches(pem: string, issuerCN: string): boolean {
  return readChain(pem).certificates.some(({ facts }) => facts.issuer === issuerCN);
}

function isKey(block: PemBlock): boolean {
  return block.label.endsWith("PRIVATE KEY") || block.label === "EC PARAMETERS";
}

function attempt<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw unreadable(field, error.message);
  }
}

function unreadable(field: string, found: string): InputError {
  return new InputError(
    field,
    `Cannot read the bundle: ${found}`,
    "store the leaf, its intermediates and its key in PEM",
  );
}
