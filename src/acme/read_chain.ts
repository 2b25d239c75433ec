import { badAnswer, TransportError } from "./failure.ts";
import { linkTargets } from "./link.ts";
import { mediaType } from "./media_type.ts";
import type { Answer } from "./transport.ts";
import type { UrlPolicy } from "./url_policy.ts";

/** What the certificate URL gives out (RFC 8555 §7.4.2, §9.1). */
export const CHAIN_TYPE = "application/pem-certificate-chain";

/** Reads a certificate's answer: the chain as it was sent, unchecked, and the URLs of its alternates. */
export function readChain(
  answer: Answer,
  urls: UrlPolicy,
): { readonly pem: string; readonly alternates: readonly URL[] } {
  const type = mediaType(answer.headers);
  if (type === "text/html") {
    throw new TransportError(`Cannot read the certificate: ${answer.url.host} answered with a web page`, true);
  }
  if (type !== CHAIN_TYPE) {
    throw badAnswer(`Cannot read the certificate: it is ${type || "of no type"}, not ${CHAIN_TYPE}`);
  }
  return {
    pem: answer.text,
    alternates: linkTargets(answer.headers, "alternate").map((it) => urls(it, answer.url, "Link alternate")),
  };
}
