import { optional, text, texts } from "../model/shape.ts";
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
