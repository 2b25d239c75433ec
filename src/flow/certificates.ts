import { accountId } from "../ledger/records.ts";
import type { DnsName } from "../model/dns_name.ts";
import type { AccountRecord, AuthorizationRecord } from "../model/records.ts";
import { given } from "../model/shape.ts";
import type { Call } from "../ports.ts";
import type { Answers } from "./answers.ts";
import { authorize } from "./authorize.ts";
import { byCommand } from "./by_command.ts";
import { changes } from "./changes.ts";
import { balancerFor, checkBalancers } from "./choose_balancer.ts";
import { closureOf } from "./closure.ts";
import { explainCertificate } from "./explain.ts";
import { follow } from "./follow.ts";
import { exportCertificate, heldCertificate, heldCertificates } from "./held.ts";
import type { Certificates } from "./inner_service.ts";
import type { FlowParts } from "./parts.ts";
import { BY_COMMAND, releaseNames } from "./quarantine.ts";
import { removeAuthorization } from "./remove.ts";
import type { AccountStatus, Authorized, AuthorizeRequest, RegisterRequest, Registration } from "./service.ts";
import { unattended } from "./unattended.ts";
import { working, type Workshop, workshop } from "./workshop.ts";

export type { Certificates, Interrupted, Place } from "./inner_service.ts";

/**
 * The house in action: commands and keeper come in here, and everything that is about the same names happens once and in turn.
 *
 * @param parts The ports and what the operator decided.
 * @param answers The answers to challenges that are up.
 * @param lifetime Ends all work.
 */
export function certificates(parts: FlowParts, answers: Answers, lifetime: AbortSignal): Certificates {
  const shop = workshop(parts, answers, lifetime);
  const { redeploy, serve, serveStandIn, restore, withdraw } = shop.swaps;
  return {
    ...account(shop),
    ...authorizations(shop),
    ...byCommand(shop),
    ...unattended(shop),
    ...changes(shop),
    certificates: (call) => heldCertificates(parts, call),
    certificate: (subject, call) => heldCertificate(parts, subject, call),
    explainCertificate: async (subject, call) =>
      await explainCertificate(parts, subject, await heldCertificate(parts, subject, call), call),
    exportCertificate: (subject, call) => exportCertificate(parts, subject, call),
    redeploy,
    serve,
    serveStandIn,
    restore,
    withdraw,
    follow: (secretName, call) => follow(shop, secretName, call),
    landed: () => shop.flights.landed(),
  };
}

function account(
  { parts, flights, desk }: Workshop,
): Pick<
  Certificates,
  "registration" | "register" | "account" | "updateAccount" | "rollOverAccount" | "deactivateAccount"
> {
  return {
    async registration(call: Call): Promise<Registration> {
      const { authority, records } = parts;
      const account = (await records.accounts.get(accountId(authority.directory), call))?.value;
      const closure = await closureOf(parts, call);
      const info = await authority.about(call);
      return { directory: authority.directory, info, ...given("account", account), ...given("closure", closure) };
    },
    register(request: RegisterRequest, call: Call): Promise<AccountRecord> {
      return flights.join("register", (own) => desk.register(request, own), call);
    },
    account(call: Call): Promise<AccountStatus> {
      return desk.status(call);
    },
    updateAccount(email: string, call: Call): Promise<AccountStatus> {
      return flights.join(`account update ${email}`, (own) => desk.update(email, own), call);
    },
    rollOverAccount(call: Call): Promise<AccountStatus> {
      return flights.join("account rollover", (own) => desk.rollOver(own), call);
    },
    deactivateAccount(call: Call): Promise<AccountStatus> {
      return flights.join("account deactivate", (own) => desk.deactivate(own), call);
    },
  };
}

function authorizations(shop: Workshop): Pick<Certificates, "authorize" | "authorizations" | "removeAuthorization"> {
  const { parts, answers, flights, turns } = shop;
  return {
    authorize(request: AuthorizeRequest, call: Call): Promise<Authorized> {
      const { domain, type } = request;
      const name = balancerFor(parts, request);
      const resolved = { domain, type, ...given("balancer", name) };
      const flight = `authorize ${request.type} ${name} ${request.domain}`;
      return flights.join(flight, async (own) => {
        await checkBalancers(parts, name === undefined ? [] : [name], own);
        await releaseNames(parts, [domain], BY_COMMAND, own);
        // The turn comes first, as everywhere: one who has the account must not wait for one who waits for it.
        const work = (): Promise<Authorized> => working(shop, (proof) => authorize(proof, resolved, own), own);
        return await turns.take(request.domain, work, own);
      }, call);
    },
    async authorizations(call: Call): Promise<readonly AuthorizationRecord[]> {
      return (await parts.records.authorizations.list(call)).map((entry) => entry.value);
    },
    removeAuthorization(domain: DnsName, call: Call): Promise<boolean> {
      return flights.join(`forget ${domain}`, (own) => {
        return turns.take(domain, () => removeAuthorization(parts, answers, domain, own), own);
      }, call);
    },
  };
}
