import { refused, withJson } from "./change.ts";
import type { FaultKind, Scene } from "./kind.ts";

/** What happens to accounts (RFC 8555 §7.3). */
export const ACCOUNT_FAULTS: Readonly<Record<string, FaultKind>> = {
  "account-deactivated": {
    about: "The account that asks is deactivated from now on",
    at: ["newOrder"],
    options: {},
    make: () => ({
      before: (scene) => {
        const account = scene.parts.store.accounts.get(scene.account ?? "");
        if (account === undefined) return undefined;
        scene.parts.store.put({ account: { ...account, status: "deactivated" } });
        return refused(scene, "unauthorized", `Account is not valid, has status "deactivated"`);
      },
    }),
  },
  "account-gone": {
    about: "The CA has lost all accounts, authorizations and orders",
    at: ["newOrder"],
    options: {},
    make: () => ({
      arrive: ({ parts }) => {
        parts.store.forgetAll();
        return undefined;
      },
    }),
  },
  "terms-changed": {
    about: "A person has to agree to new terms first (§7.3.3)",
    at: ["newOrder"],
    options: {},
    make: () => ({
      before: (scene) => {
        const { terms } = scene.parts.urls;
        const headers = { link: `<${terms}>;rel="terms-of-service"` };
        return refused(scene, "userActionRequired", "Terms of service have changed", { instance: terms, headers });
      },
    }),
  },
  "key-change-refused": {
    about: "The account's key cannot be exchanged",
    at: ["keyChange"],
    options: { status: "default 409" },
    make: (options) => {
      const status = options.number("status", 409);
      return { before: (scene) => refused(scene, "malformed", "New key is already in use for an account", { status }) };
    },
  },
  "external-account-required": {
    about: "New accounts need a binding from now on; those that are there go on",
    at: ["directory", "newAccount"],
    options: {},
    make: () => ({
      before: (scene) => scene.endpoint === "newAccount" && isNew(scene) ? unbound(scene) : undefined,
      after: (response, { endpoint }) =>
        endpoint !== "directory"
          ? response
          : withJson(response, (it) => ({ ...it, meta: { ...Object(it.meta), externalAccountRequired: true } })),
    }),
  },
  "external-account-used-up": {
    about: "Every external account is bound to an account already",
    at: ["newAccount"],
    options: {},
    make: () => ({
      arrive: ({ parts: { store, settings } }) => {
        Object.keys(settings.externalAccounts).forEach((kid) => store.boundAccounts.add(kid));
        return undefined;
      },
      before: (scene) =>
        isNew(scene)
          ? refused(scene, "unauthorized", "The external account is already bound to an account")
          : undefined,
    }),
  },
};

function unbound(scene: Scene): Response {
  return refused(scene, "externalAccountRequired", "Account creation requires external account binding");
}

/** A request that only looks for an account makes none (§7.3.1). */
function isNew({ payload = "" }: Scene): boolean {
  return !payload.includes("onlyReturnExisting");
}
