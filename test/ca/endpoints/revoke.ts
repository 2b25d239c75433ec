import type { Answer } from "../answer.ts";
import { payloadObject, type Signed } from "../envelope.ts";
import { type JsonObject, textField } from "../fields.ts";
import { fromBase64Url } from "../jose/base64url.ts";
import type { Parts } from "../parts.ts";
import { Problem } from "../problem.ts";
import type { Certificate } from "../state/types.ts";

/** RFC 5280 §5.3.1: unspecified, keyCompromise, superseded, cessationOfOperation. Others are not for subscribers to say. */
const REASONS: readonly unknown[] = [0, 1, 4, 5];
const KEY_COMPROMISE = 1;

/** RFC 8555 §7.6: by the account that has it or could have it, or by the certificate's own key. */
export function revoke(parts: Parts, signed: Signed): Answer {
  const payload = payloadObject(signed);
  const found = findCertificate(parts, payload);
  const { reason = 0 } = payload;
  checkRight(parts, signed, found);
  if (!REASONS.includes(reason)) {
    throw new Problem("badRevocationReason", `unsupported revocation reason code provided: ${String(reason)}`);
  }
  if (found.revoked !== undefined) throw new Problem("alreadyRevoked", "Certificate already revoked");
  // Whoever signs with the certificate's key has it: as Boulder, that is a compromise whatever the request says.
  markRevoked(parts, found, signed.account === undefined ? KEY_COMPROMISE : Number(reason));
  return {};
}

/** Writes the revocation down; a compromised key is never taken again. */
export function markRevoked({ store, settings }: Parts, certificate: Certificate, reason: number): void {
  store.put({ certificate: { ...certificate, revoked: { at: settings.now(), reason } } });
  if (reason === KEY_COMPROMISE) store.blockedKeys.add(certificate.spki);
}

function findCertificate({ store }: Parts, payload: JsonObject): Certificate {
  const der = fromBase64Url(textField(payload, "certificate"));
  if (der === undefined) throw new Problem("malformed", "Unable to decode certificate from base64url");
  const hex = der.toHex();
  const found = store.certificates.values().find((it) => it.der.toHex() === hex);
  if (found === undefined) throw new Problem("malformed", "No such certificate", { status: 404 });
  return found;
}

function checkRight({ store }: Parts, { account, key }: Signed, certificate: Certificate): void {
  if (account === undefined) {
    if (key.spki === certificate.spki) return;
    throw new Problem("unauthorized", "JWK embedded in revocation request must be the same public key as the cert's");
  }
  if (account.id === certificate.account) return;
  const authorized = certificate.names.every((name) =>
    store.authorizations.values().some((it) =>
      it.account === account.id && (it.wildcard ? `*.${it.name}` : it.name) === name &&
      store.authorizationStatus(it) === "valid"
    )
  );
  if (!authorized) {
    throw new Problem(
      "unauthorized",
      "The key ID specified in the revocation request does not hold valid authorizations for all names in the certificate to be revoked",
    );
  }
}
