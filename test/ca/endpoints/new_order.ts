import type { Answer } from "../answer.ts";
import { accountOf, payloadObject, type Signed } from "../envelope.ts";
import { type JsonObject, optionalText } from "../fields.ts";
import { readNames } from "../names.ts";
import type { Parts } from "../parts.ts";
import { Problem } from "../problem.ts";
import { newAuthorization, reusable } from "../state/authorizations.ts";
import type { Account, Order } from "../state/types.ts";
import { orderAnswer } from "./order.ts";
import { checkReplaces } from "./replaces.ts";

/** RFC 8555 §7.4, RFC 9773 §5, draft-ietf-acme-profiles §4. */
export function newOrder(parts: Parts, signed: Signed): Answer {
  const account = accountOf(signed);
  const payload = payloadObject(signed);
  for (const field of ["notBefore", "notAfter"].filter((it) => it in payload)) {
    throw new Problem("malformed", `"${field}" is not supported`);
  }
  const names = readNames(payload, parts.settings);
  const replaces = optionalText(payload, "replaces");
  if (replaces !== undefined) checkReplaces(parts, account, names, replaces);
  const profile = askedProfile(parts, payload);
  const order = handedBack(parts, account, names, profile) ?? create(parts, account, names, profile, replaces);
  return { ...orderAnswer(parts, order), status: 201, location: parts.urls.order(order.id) };
}

function askedProfile({ settings }: Parts, payload: JsonObject): string | undefined {
  const profile = optionalText(payload, "profile");
  if (profile !== undefined && !Object.hasOwn(settings.profiles, profile)) {
    throw new Problem("invalidProfile", `The profile "${profile}" is not offered`);
  }
  return profile;
}

/** As Boulder: the same account, names and profile, and still open. */
function handedBack(
  { settings, store, counters }: Parts,
  account: Account,
  names: readonly string[],
  profile: string | undefined,
): Order | undefined {
  if (!settings.orderReuse) return undefined;
  const found = store.orders.values().find((it) =>
    it.account === account.id && it.onlyOnce !== true && String(it.names) === String(names) &&
    (it.profileAsked ? it.profile === profile : profile === undefined) &&
    ["pending", "ready"].includes(store.orderStatus(it))
  );
  if (found !== undefined) counters.ordersHandedBack++;
  return found;
}

function create(
  parts: Parts,
  account: Account,
  names: readonly string[],
  asked: string | undefined,
  replaces: string | undefined,
): Order {
  const { settings, store, chance, counters } = parts;
  const profile = asked ?? someProfile(parts);
  const authorizations = names.map((name) =>
    reusable(parts, account, name, profile) ?? newAuthorization(parts, account, name, profile)
  );
  const order: Order = {
    id: chance.ids.token(9),
    account: account.id,
    names,
    authorizations,
    profile,
    profileAsked: asked !== undefined,
    expires: new Date(settings.now().getTime() + settings.orderLifetimeMs),
    outcome: { kind: "open" },
    ...(replaces === undefined ? {} : { replaces }),
  };
  store.put({ order });
  counters.orders++;
  return order;
}

function someProfile({ settings, chance }: Parts): string {
  const names = Object.keys(settings.profiles);
  const profile = settings.noProfile === "random" ? chance.profiles.shuffled(names)[0] : names[0];
  if (profile === undefined) throw new Problem("serverInternal", "The authority has no profile");
  return profile;
}
