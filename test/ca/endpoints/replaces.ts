import type { Parts } from "../parts.ts";
import { Problem } from "../problem.ts";
import type { Account } from "../state/types.ts";
import { isCertId } from "../x509/cert_id.ts";

/**
 * Checks `replaces` of a newOrder as Boulder does (RFC 9773 §5): known, of the same account, with a name in common, and no
 * other order replaces it unless that one came to nothing.
 *
 * @throws {Problem}
 */
export function checkReplaces(
  { store }: Parts,
  account: Account,
  names: readonly string[],
  replaces: string,
): void {
  if (!isCertId(replaces)) throw new Problem("malformed", `Parsing ARI CertID "${replaces}" failed`);
  const old = store.certificateOf(replaces);
  if (old === undefined) {
    throw new Problem("malformed", `No certificate found for ARI CertID "${replaces}"`, { status: 404 });
  }
  if (old.account !== account.id) {
    const text = "requester account did not request the certificate being replaced by this order";
    throw new Problem("unauthorized", text);
  }
  if (!names.some((name) => old.names.includes(name))) {
    const text = "identifiers in this order do not match any names in the certificate being replaced";
    throw new Problem("malformed", text);
  }
  if (store.orders.values().some((it) => it.replaces === replaces && store.orderStatus(it) !== "invalid")) {
    const text =
      `cannot indicate an order replaces certificate with serial "${old.serial}", which already has a replacement order`;
    throw new Problem("alreadyReplaced", text);
  }
}
