import type { AccountStatus, AuthorizationRecord } from "../../mod.ts";
import { ACCOUNT, ROLLOVER } from "./answers.ts";
import { callOf, type Face } from "./face.ts";
import { type Route, taking } from "./route.ts";
import { accountBody } from "./schemas.ts";
import { accountShape, type Shape, txtShape } from "./shapes.ts";

const tag = "Account";

/** The account at the CA. Before the routes with `:subject`: no DNS name has only one label, so nothing is hidden. */
export function account({ service, events, clock }: Face): readonly Route[] {
  return [
    {
      method: "get",
      path: "/v1/certificates/:grid/account",
      summary: "Show the account at the CA; it holds no secret",
      tag,
      answers: { 200: { description: "The account", schema: ACCOUNT } },
      async handle(c): Promise<Response> {
        const status = await service.account(callOf(c));
        events.emit({ level: "debug", name: "account.shown", text: "The account was shown" });
        return c.json(accountShape(status));
      },
    },
    {
      method: "put",
      path: "/v1/certificates/:grid/account",
      summary: "Put another e-mail address in place of the account's",
      tag,
      answers: { 200: { description: "Changed", schema: ACCOUNT } },
      ...taking(accountBody, async (c, { email }) => {
        return c.json(accountShape(await service.updateAccount(email, callOf(c))));
      }),
    },
    {
      method: "post",
      path: "/v1/certificates/:grid/account/rollover",
      summary:
        "Give the account another key; it waits for what is under way, and tells which TXT records are other ones now",
      tag,
      answers: { 200: { description: "Changed", schema: ROLLOVER } },
      async handle(c): Promise<Response> {
        const status = await service.rollOverAccount(callOf(c));
        const all = await service.authorizations(callOf(c));
        const waiting = all.filter((it) => waitsForRecord(it, status, clock.now()));
        const records: readonly Shape[] = await Promise.all(waiting.map(txtShape));
        return c.json({ ...accountShape(status), records });
      },
    },
    {
      method: "post",
      path: "/v1/certificates/:grid/account/deactivate",
      summary: "Deactivate the account for ever; only `new_account` of the registration makes another",
      tag,
      answers: { 200: { description: "Deactivated", schema: ACCOUNT } },
      handle: async (c) => c.json(accountShape(await service.deactivateAccount(callOf(c)))),
    },
  ];
}

/** A TXT record holds what is made with the key, and a person has to set it. */
function waitsForRecord(it: AuthorizationRecord, { record }: AccountStatus, now: Date): boolean {
  return it.type === "dns-01" && it.state === "created" && it.account.href === record?.url.href && it.token !== "" &&
    (it.expires === undefined || it.expires > now);
}
