import type { Answer } from "../answer.ts";
import { accountOf, checkEmpty, type Signed } from "../envelope.ts";
import type { Parts } from "../parts.ts";
import { Problem } from "../problem.ts";

/** A chain, and where the others are (RFC 8555 §7.4.2). */
export function certificate(
  { store, urls }: Parts,
  signed: Signed,
  params: { readonly id: string; readonly alternate: string },
): Answer {
  const own = accountOf(signed);
  checkEmpty(signed);
  const found = store.certificates.get(params.id);
  const index = Number(params.alternate === "" ? "0" : params.alternate);
  const chain = found?.chains[index];
  if (found === undefined || chain === undefined) {
    throw new Problem("malformed", "Certificate not found", { status: 404 });
  }
  if (found.account !== own.id) {
    throw new Problem("unauthorized", "Account in use did not issue specified certificate");
  }
  const others = found.chains.map((_, other) => other).filter((other) => other !== index);
  return {
    body: chain,
    type: "application/pem-certificate-chain",
    links: others.map((other) => ["alternate", urls.certificate(found.id, other)] as const),
  };
}
