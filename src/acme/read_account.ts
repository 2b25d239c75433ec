import { SidecarError } from "../model/errors.ts";
import { oneOf, optional, text, texts } from "../model/shape.ts";
import type { AccountView } from "../ports.ts";
import { readJson } from "./answer.ts";
import { badAnswer } from "./failure.ts";
import { linkTargets } from "./link.ts";
import type { Answer } from "./transport.ts";
import type { UrlPolicy } from "./url_policy.ts";

/** One page of the account's orders (RFC 8555 §7.1.2.1). */
export interface OrdersPage {
  readonly orders: readonly URL[];
  readonly next?: URL;
}

/**
 * Reads where the thing is that was just made or found.
 *
 * @param doing What was tried, after "Cannot ".
 * @throws {SidecarError} `CA_ANSWER` if the answer does not say.
 */
export function readLocation(answer: Answer, doing: string, urls: UrlPolicy): URL {
  const location = answer.headers.get("location");
  if (location === null) throw badAnswer(`Cannot ${doing}: ${answer.url.host} answered without a Location header`);
  return urls(location, answer.url, "Location");
}

/** Reads an account (RFC 8555 §7.1.2). */
export function readAccountView(answer: Answer): AccountView {
  return readJson(answer, "the account", (it) => ({
    status: oneOf(it, "status", ["valid", "deactivated", "revoked"]),
    contact: optional(it, "contact", texts) ?? [],
  }));
}

/**
 * Passes an answer to newAccount whose account can be used. A CA may show one that is deactivated as if nothing were.
 *
 * @throws {SidecarError} `ACCOUNT_DEACTIVATED`
 */
export function usable(answer: Answer): Answer {
  const status = shownStatus(answer);
  if (status === "deactivated" || status === "revoked") throw deactivated(answer.url);
  return answer;
}

/** A body that is none does not matter here: what counts is the Location. */
function shownStatus({ text }: Answer): unknown {
  try {
    return (JSON.parse(text) as { readonly status?: unknown } | null)?.status;
  } catch {
    return undefined;
  }
}

/** The error for a key whose account can do nothing any more. */
export function deactivated({ host }: URL, cause?: unknown): SidecarError {
  return new SidecarError("ACCOUNT_DEACTIVATED", `The account of this key is deactivated at ${host}`, {
    field: "account",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Reads where the account's list of orders is; undefined where the CA keeps none, as Boulder. */
export function readOrdersUrl(answer: Answer, urls: UrlPolicy): URL | undefined {
  return readJson(answer, "the account", (it) => {
    const orders = optional(it, "orders", text);
    return orders === undefined ? undefined : urls(orders, answer.url, "orders");
  });
}

/** Reads one page of the list. */
export function readOrdersPage(answer: Answer, urls: UrlPolicy): OrdersPage {
  return readJson(answer, "the list of orders", (it) => {
    const orders = texts(it, "orders").map((value) => urls(value, answer.url, "orders"));
    const [next] = linkTargets(answer.headers, "next");
    return { orders, ...(next === undefined ? {} : { next: urls(next, answer.url, "Link next") }) };
  });
}
