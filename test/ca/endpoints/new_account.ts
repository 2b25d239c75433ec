import { accountAnswer } from "./account.ts";
import type { Answer } from "../answer.ts";
import { readContacts } from "../contacts.ts";
import { payloadObject, type Signed } from "../envelope.ts";
import { flagField, type JsonObject } from "../fields.ts";
import { checkExternalAccount } from "../jose/external_account.ts";
import type { Parts } from "../parts.ts";
import { Problem } from "../problem.ts";
import type { Account } from "../state/types.ts";

/** RFC 8555 §7.3 and, for a key that has an account, §7.3.1. */
export async function newAccount(parts: Parts, signed: Signed): Promise<Answer> {
  const payload = payloadObject(signed);
  const found = parts.store.accountOf(signed.key.thumbprint);
  if (found !== undefined) return existing(parts, found);
  if (flagField(payload, "onlyReturnExisting")) {
    throw new Problem("accountDoesNotExist", "No account exists with the provided key");
  }
  const account = await create(parts, signed, payload);
  parts.store.put({ account });
  parts.counters.accounts++;
  return { ...accountAnswer(parts, account), status: 201, location: parts.urls.account(account.id) };
}

function existing(parts: Parts, account: Account): Answer {
  if (account.status !== "valid") {
    throw new Problem("unauthorized", `An account with the provided public key exists but is ${account.status}`);
  }
  return { ...accountAnswer(parts, account), location: parts.urls.account(account.id) };
}

async function create(parts: Parts, signed: Signed, payload: JsonObject): Promise<Account> {
  const { urls, chance, store } = parts;
  if (!flagField(payload, "termsOfServiceAgreed")) {
    const headers = { link: `<${urls.terms}>;rel="terms-of-service"` };
    throw new Problem("userActionRequired", "must agree to terms of service", { instance: urls.terms, headers });
  }
  if (store.blockedKeys.has(signed.key.spki)) throw new Problem("badPublicKey", "public key is forbidden");
  const contact = readContacts(payload) ?? [];
  const externalAccount = await bind(parts, signed, payload);
  return {
    id: String(1 + chance.ids.below(2 ** 32)),
    status: "valid",
    key: signed.key,
    contact,
    ...(externalAccount === undefined ? {} : { externalAccount }),
  };
}

/** §7.3.4: the binding, once it is believed; one that nobody asked for is passed over. */
async function bind({ settings, store }: Parts, { url, key }: Signed, payload: JsonObject): Promise<unknown> {
  const { externalAccounts, externalAccountOnce } = settings;
  const { externalAccountBinding: binding } = payload;
  if (Object.keys(externalAccounts).length === 0) return undefined;
  if (binding === undefined) {
    throw new Problem("externalAccountRequired", "Account creation requires external account binding");
  }
  const kid = await checkExternalAccount(binding, externalAccounts, { url, key });
  if (externalAccountOnce && store.boundAccounts.has(kid)) {
    throw new Problem("unauthorized", `External account "${kid}" is already bound to an account`);
  }
  store.boundAccounts.add(kid);
  return binding;
}
