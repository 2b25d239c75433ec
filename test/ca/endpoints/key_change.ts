import type { Answer } from "../answer.ts";
import { accountAnswer } from "./account.ts";
import { accountOf, type Signed } from "../envelope.ts";
import { parseObject, textField } from "../fields.ts";
import { readJws, verifyJws } from "../jose/jws.ts";
import { type PublicKey, readPublicKey } from "../jose/public_key.ts";
import type { Parts } from "../parts.ts";
import { Problem } from "../problem.ts";

/** Key rollover, with the checks of RFC 8555 §7.3.5 in their order. */
export async function keyChange(parts: Parts, signed: Signed): Promise<Answer> {
  const { store, urls } = parts;
  const own = accountOf(signed);
  const { key, payload } = await openInner(signed);
  const inner = parseObject(payload, "inner payload");
  if (textField(inner, "account") !== urls.account(own.id)) {
    throw new Problem("malformed", `Inner key rollover request specified Account "${inner.account}"`);
  }
  const old = await readPublicKey(inner.oldKey);
  if (old.thumbprint !== own.key.thumbprint) {
    throw new Problem("malformed", "Inner JWS does not contain old key field matching current account key");
  }
  const taken = store.accountOf(key.thumbprint);
  if (taken !== undefined) {
    const headers = { location: urls.account(taken.id) };
    throw new Problem("malformed", "New key is already in use for an account", { status: 409, headers });
  }
  if (store.blockedKeys.has(key.spki)) throw new Problem("badPublicKey", "public key is forbidden");
  const account = { ...own, key };
  store.put({ account });
  return { ...accountAnswer(parts, account), location: urls.account(own.id) };
}

/** The inner JWS: by the new key, which it brings, for the outer URL, without a nonce. */
async function openInner({ url, payload }: Signed): Promise<{ readonly key: PublicKey; readonly payload: string }> {
  const jws = readJws(parseObject(payload, "inner JWS"));
  if ("kid" in jws.header) throw new Problem("malformed", "Inner JWS has a kid");
  const key = await readPublicKey(jws.header.jwk);
  await verifyJws(jws, key);
  if (jws.header.url !== url) {
    throw new Problem("malformed", `Inner JWS header parameter 'url' is "${jws.header.url}", the outer's is "${url}"`);
  }
  if ("nonce" in jws.header) throw new Problem("malformed", "Inner JWS has a nonce");
  return { key, payload: jws.payload };
}
