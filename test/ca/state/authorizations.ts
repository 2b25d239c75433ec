import type { Parts } from "../parts.ts";
import type { Account, Authorization, ChallengeType } from "./types.ts";

/** Makes a pending authorization for a name, keeps it, and returns its id (RFC 8555 §7.1.4). */
export function newAuthorization(parts: Parts, account: Account, name: string, profile: string): string {
  const { settings, store, chance: { ids } } = parts;
  const wildcard = name.startsWith("*.");
  // What stands before a wildcard can only be seen in DNS.
  const types: readonly ChallengeType[] = wildcard ? ["dns-01"] : settings.challenges;
  const authorization: Authorization = {
    id: ids.token(9),
    account: account.id,
    name: baseName(name),
    wildcard,
    profile,
    expires: new Date(settings.now().getTime() + settings.authorizationLifetimeMs),
    challenges: ids.shuffled(types).map((type) => ({
      id: ids.token(6),
      type,
      token: ids.token(32),
      state: { status: "pending" },
    })),
  };
  store.put({ authorization });
  return authorization.id;
}

/** A valid authorization that an order takes over; as Boulder, not across profiles. */
export function reusable(parts: Parts, account: Account, name: string, profile: string): string | undefined {
  const { settings, store, chance } = parts;
  const found = store.authorizations.values().find((it) =>
    it.account === account.id && it.profile === profile && it.name === baseName(name) &&
    it.wildcard === name.startsWith("*.") && store.authorizationStatus(it) === "valid"
  );
  return found !== undefined && chance.reuse.chance(settings.authzReuse) ? found.id : undefined;
}

function baseName(name: string): string {
  return name.replace(/^\*\./, "");
}
