import { AcmeProblemError, KeyTakenError } from "../model/errors.ts";
import { sameNames } from "../model/dns_name.ts";
import type { Order } from "../model/order.ts";
import { isProblem } from "../model/problem.ts";
import { given } from "../model/shape.ts";
import type { AccountKey, AccountView, AuthorityAccount, Call, NewOrder } from "../ports.ts";
import type { DirectorySource } from "./directory.ts";
import { badAnswer } from "./failure.ts";
import { signKeyChange } from "./jws.ts";
import { CHAIN_BYTES, ORDER_PAGES } from "./limits.ts";
import { readAccountView, readLocation, readOrdersPage, readOrdersUrl } from "./read_account.ts";
import { readAuthorization, readChallenge } from "./read_authorization.ts";
import { CHAIN_TYPE, readChain } from "./read_chain.ts";
import { readOrder } from "./read_order.ts";
import type { Post } from "./signed.ts";
import type { Answer, Send } from "./transport.ts";
import type { UrlPolicy } from "./url_policy.ts";

/** How the CA is talked to. */
export interface Wire {
  readonly send: Send;
  readonly post: Post;
  readonly directory: DirectorySource;
  readonly urls: UrlPolicy;
}

/** The CA as the account at `url` sees it; sends nothing. */
export function authorityAccount(wire: Wire, url: URL, key: AccountKey): AuthorityAccount {
  const { directory, urls } = wire;
  const signer = { key, account: url };
  const read = <T>(url: URL, doing: string, reader: (answer: Answer) => T, call: Call): Promise<T> =>
    wire.post({ url, doing, signer }, reader, call);
  const act = <T>(
    url: URL,
    doing: string,
    payload: Readonly<Record<string, unknown>>,
    reader: (answer: Answer) => T,
    call: Call,
  ): Promise<T> => wire.post({ url, doing, signer, payload }, reader, call);

  return {
    url,
    read: (call) => read(url, "read the account", readAccountView, call).catch(closed),
    update: ({ contact }, call) => act(url, "change the account's contact", { contact }, readAccountView, call),
    async deactivate(call): Promise<void> {
      const { status } = await act(url, "deactivate the account", { status: "deactivated" }, readAccountView, call);
      if (status !== "deactivated") throw badAnswer(`Cannot deactivate the account: the CA left it ${status}`);
    },
    async changeKey(newKey, call): Promise<void> {
      const { resources: { keyChange } } = await directory.get(call);
      const doing = "change the account's key";
      if (keyChange === undefined) throw badAnswer(`Cannot ${doing}: the CA's directory has no keyChange`);
      const payload = { ...await signKeyChange(signer, newKey, keyChange) };
      const request = { url: keyChange, doing, signer, payload, alsoGood: [409] };
      await wire.post(request, (answer) => checkTaken(answer, urls), call);
    },
    async newOrder(request, call): Promise<Order> {
      const { resources: { newOrder } } = await directory.get(call);
      const doing = "create the order";
      return await act(newOrder, doing, orderPayload(request), (answer) => {
        const order = readOrder(answer, readLocation(answer, doing, urls), urls);
        return checkNames(order, request);
      }, call);
    },
    orders: (call) => listOrders(wire, url, key, call),
    order: (order, call) => read(order, "read the order", (answer) => readOrder(answer, order, urls), call),
    authorization: (authorization, call) =>
      read(authorization, "read the authorization", (it) => readAuthorization(it, authorization, urls), call),
    respond: (challenge, call) =>
      act(challenge, "start the challenge", {}, (answer) => readChallenge(answer, urls), call), // §7.5.1: exactly {}
    finalize: (order, csr, call) =>
      act(
        order.finalize,
        "finalize the order",
        { csr: csr.toBase64({ alphabet: "base64url", omitPadding: true }) },
        (answer) => readOrder(answer, order.url, urls),
        call,
      ),
    certificate: (url, call) =>
      wire.post(
        { url, doing: "download the certificate", signer, accept: CHAIN_TYPE, maxBytes: CHAIN_BYTES },
        (answer) => readChain(answer, urls),
        call,
      ),
    async revoke(certificate, reason, call): Promise<void> {
      const { resources: { revokeCert } } = await directory.get(call);
      if (revokeCert === undefined) {
        throw badAnswer("Cannot revoke the certificate: the CA's directory has no revokeCert");
      }
      const payload = { certificate: certificate.toBase64({ alphabet: "base64url", omitPadding: true }), reason };
      await act(revokeCert, "revoke the certificate", payload, () => {}, call).catch(unless("alreadyRevoked"));
    },
  };
}

/** A CA lets a deactivated account do nothing, not even be read (§7.3.6). */
function closed(error: unknown): AccountView {
  if (error instanceof AcmeProblemError && isProblem(error.problem, "unauthorized")) {
    return { status: "deactivated", contact: [] };
  }
  throw error;
}

/** The new key has an account already: Location says which (§7.3.5). */
function checkTaken(answer: Answer, urls: UrlPolicy): void {
  if (answer.status !== 409) return;
  const location = answer.headers.get("location");
  throw new KeyTakenError(location === null ? undefined : urls(location, answer.url, "Location"));
}

function orderPayload({ names, profile, replaces }: NewOrder): Readonly<Record<string, unknown>> {
  return {
    identifiers: names.map((value) => ({ type: "dns", value })),
    ...given("profile", profile),
    ...given("replaces", replaces),
  };
}

/** An order for other names than we asked for must not be proven and paid for. */
function checkNames(order: Order, { names }: NewOrder): Order {
  if (sameNames(order.names, names)) return order;
  const found = order.names.join(", ") || "names that cannot be read";
  throw badAnswer(`Cannot create the order: the CA made ${order.url.href} for ${found}, not for ${names.join(", ")}`);
}

/** Page after page, up to a hundred; a page that was there already ends the list. */
async function* listOrders({ post, urls }: Wire, account: URL, key: AccountKey, call: Call): AsyncIterable<URL> {
  const doing = "list the orders";
  const signer = { key, account };
  const seen = new Set<string>();
  let next = await post({ url: account, doing, signer }, (answer) => readOrdersUrl(answer, urls), call);
  while (next !== undefined && !seen.has(next.href) && seen.size < ORDER_PAGES) {
    seen.add(next.href);
    // Some CAs name a list that they do not have.
    const page = await post({ url: next, doing, signer, alsoGood: [404, 405, 501] }, (answer) => {
      return answer.status < 300 ? readOrdersPage(answer, urls) : { orders: [] };
    }, call);
    yield* page.orders;
    next = page.next;
  }
}

function unless(problem: string): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof AcmeProblemError && isProblem(error.problem, problem))) throw error;
  };
}
