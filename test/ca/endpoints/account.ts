import type { Answer } from "../answer.ts";
import { readContacts } from "../contacts.ts";
import { accountOf, payloadObject, type Signed } from "../envelope.ts";
import { optionalText } from "../fields.ts";
import type { Parts } from "../parts.ts";
import { Problem } from "../problem.ts";
import type { Account } from "../state/types.ts";

/** An account as it is shown (RFC 8555 §7.1.2). */
export function accountAnswer({ settings, urls }: Parts, account: Account): Answer {
  const { id, status, contact, externalAccount } = account;
  return {
    body: {
      status,
      contact,
      termsOfServiceAgreed: true,
      ...(externalAccount === undefined ? {} : { externalAccountBinding: externalAccount }),
      ...(settings.ordersPerPage === 0 ? {} : { orders: urls.orders(id) }),
    },
  };
}

/** Read, updated (§7.3.2) or deactivated (§7.3.6). Other fields of the payload are passed over, as §7.3.2 demands. */
export function account(parts: Parts, signed: Signed, { id }: { readonly id: string }): Answer {
  const own = accountOf(signed);
  if (own.id !== id) throw new Problem("unauthorized", "Request signing key did not match account key");
  const changed = signed.payload === "" ? own : change(own, signed);
  parts.store.put({ account: changed });
  return accountAnswer(parts, changed);
}

function change(own: Account, signed: Signed): Account {
  const payload = payloadObject(signed);
  const status = optionalText(payload, "status");
  if (status === "deactivated") return { ...own, status };
  if (status !== undefined && status !== own.status) {
    throw new Problem("malformed", `Invalid value provided for status field: "${status}"`);
  }
  return { ...own, contact: readContacts(payload) ?? own.contact };
}
