import "reflect-metadata";
import {
  type Extension,
  Extension as AnyExtension,
  type JsonGeneralName,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from "@peculiar/x509";
import { base64url } from "./by_hand.ts";

/** What a request differs in. */
export interface CsrByHand {
  readonly commonName?: string;
  readonly san?: readonly JsonGeneralName[];
  readonly mustStaple?: boolean;
  readonly keys?: CryptoKeyPair;
  readonly hash?: string;
}

const EC = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A key pair for certificates. */
export async function certificateKeys(algorithm: EcKeyGenParams | RsaHashedKeyGenParams = EC): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as CryptoKeyPair;
}

/** A request in DER, made by another library than the product's. */
export async function makeCsrByHand(names: readonly string[], odd: CsrByHand = {}): Promise<Uint8Array<ArrayBuffer>> {
  const keys = odd.keys ?? await certificateKeys();
  const san = odd.san ?? names.map((value) => ({ type: "dns" as const, value }));
  const extensions: Extension[] = [];
  if (san.length > 0) extensions.push(new SubjectAlternativeNameExtension([...san]));
  // RFC 7633: a SEQUENCE of the one INTEGER 5, status_request.
  if (odd.mustStaple === true) {
    extensions.push(new AnyExtension("1.3.6.1.5.5.7.1.24", false, Uint8Array.of(0x30, 3, 2, 1, 5)));
  }
  const csr = await Pkcs10CertificateRequestGenerator.create({
    ...(odd.commonName === undefined ? {} : { name: `CN=${odd.commonName}` }),
    keys,
    signingAlgorithm: { ...keys.privateKey.algorithm, hash: odd.hash ?? "SHA-256" } as EcdsaParams,
    extensions,
  });
  return new Uint8Array(csr.rawData);
}

/** The payload of a finalize. */
export async function csrPayload(names: readonly string[], odd: CsrByHand = {}): Promise<{ readonly csr: string }> {
  return { csr: base64url(await makeCsrByHand(names, odd)) };
}
