import { createPublicKey, type KeyObject } from "node:crypto";
import { keyFault } from "../jose/key_policy.ts";
import type { Parts } from "../parts.ts";
import { Problem } from "../problem.ts";
import { type CsrFacts, readCsr } from "./csr.ts";

/** RFC 5280 §A.1, ub-common-name. */
const LONGEST_COMMON_NAME = 64;

/** SHA-256 and longer, with RSA (PKCS#1 v1.5) or ECDSA. */
const SIGNATURES = [
  ...["1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13"],
  ...["1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4"],
];

/** What a good request leaves to be known. */
export interface Checked {
  /** DER of the public key that the certificate will be for. */
  readonly spki: Uint8Array<ArrayBuffer>;
  /** The name that shall be the subject, where it names one. */
  readonly commonName?: string;
}

/**
 * Checks the request of a finalize (RFC 8555 §7.4).
 *
 * @param names Those of the order.
 * @throws {Problem} badCSR, badPublicKey, or unauthorized for what no profile allows.
 */
export async function checkCsr(
  { store }: Pick<Parts, "store">,
  der: Uint8Array<ArrayBuffer>,
  names: readonly string[],
): Promise<Checked> {
  const csr = await readCsr(der).catch(() => {
    throw new Problem("badCSR", "Error parsing certificate request");
  });
  const key = publicKeyOf(csr);
  const weakness = keyFault(key);
  if (weakness !== undefined) throw new Problem("badCSR", `invalid public key in CSR: ${weakness}`);
  // The DER of the key as everybody writes it, not as this request happens to.
  const spki = key.export({ format: "der", type: "spki" }).toString("hex");
  if (store.blockedKeys.has(spki)) throw new Problem("badPublicKey", "public key is forbidden");
  if (!SIGNATURES.includes(csr.signatureAlgorithm)) {
    throw new Problem("badCSR", `signature algorithm ${csr.signatureAlgorithm} not supported`);
  }
  if (!csr.signatureIsGood) throw new Problem("badCSR", "invalid signature on CSR");
  if (store.accounts.values().some((it) => it.key.spki === spki)) {
    throw new Problem("badCSR", "certificate public key must be different than account key");
  }
  if (csr.mustStaple) throw new Problem("unauthorized", "OCSP must-staple extension is no longer available");
  checkNames(csr, names);
  const commonName = csr.commonNames[0]?.toLowerCase();
  return { spki: csr.spki, ...(commonName === undefined ? {} : { commonName }) };
}

function publicKeyOf(csr: CsrFacts): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(csr.spki), format: "der", type: "spki" });
  } catch {
    throw new Problem("badCSR", "invalid public key in CSR");
  }
}

/** The names are the order's, no more and no fewer; a common name is one of them and fits (RFC 8555 §7.4). */
function checkNames({ commonNames, dnsNames, hasOtherNames }: CsrFacts, ordered: readonly string[]): void {
  const [commonName] = commonNames;
  if (commonNames.length > 1) throw new Problem("badCSR", "CSR has more than one common name");
  if (hasOtherNames) throw new Problem("badCSR", "CSR contains names that are not DNS names");
  if (commonName !== undefined && commonName.length > LONGEST_COMMON_NAME) {
    throw new Problem("badCSR", `CN was longer than ${LONGEST_COMMON_NAME} bytes`);
  }
  const asked = [...new Set([...commonNames, ...dnsNames].map((it) => it.toLowerCase()))].sort();
  if (asked.length === 0) throw new Problem("badCSR", "at least one identifier is required");
  if (asked.length !== ordered.length) {
    throw new Problem("badCSR", "Order includes different number of names than CSR specifies");
  }
  const missing = ordered.find((name) => !asked.includes(name));
  if (missing !== undefined) throw new Problem("badCSR", `CSR is missing Order identifier "${missing}"`);
}
