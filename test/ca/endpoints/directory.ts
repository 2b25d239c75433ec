import type { Answer } from "../answer.ts";
import type { Parts } from "../parts.ts";

/** RFC 8555 §7.1.1, with `renewalInfo` of RFC 9773 and `profiles` of draft-ietf-acme-profiles. */
export function directory({ settings, urls, chance }: Parts): Answer {
  const { newNonce, newAccount, newOrder, revokeCert, keyChange, renewalInfo, terms } = urls;
  const profiles = Object.entries(settings.profiles).filter(([name]) => name !== "")
    .map(([name, { description }]) => [name, description] as const);
  return {
    isIndex: true,
    body: {
      newNonce,
      newAccount,
      newOrder,
      revokeCert,
      keyChange,
      ...(settings.renewalInfo ? { renewalInfo } : {}),
      meta: {
        termsOfService: terms,
        website: urls.origin,
        caaIdentities: ["ca.test"],
        externalAccountRequired: Object.keys(settings.externalAccounts).length > 0,
        ...(profiles.length === 0 ? {} : { profiles: Object.fromEntries(profiles) }),
      },
      // A client has to pass over what it does not know.
      ...(settings.directoryNoise ? { [chance.directory.token(8)]: "https://ca.test/a-field-without-meaning" } : {}),
    },
  };
}
