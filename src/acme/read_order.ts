import { type DnsName, parseDnsName } from "../model/dns_name.ts";
import type { Order } from "../model/order.ts";
import { readProblem } from "../model/problem.ts";
import { retryAfterMs } from "../model/retry_after.ts";
import { type Fields, given, instant, list, object, oneOf, optional, text, texts } from "../model/shape.ts";
import { readJson } from "./answer.ts";
import type { Answer } from "./transport.ts";
import type { UrlPolicy } from "./url_policy.ts";

const STATUSES = ["pending", "ready", "processing", "valid", "invalid"] as const;

/**
 * Reads an order (RFC 8555 §7.1.3).
 *
 * @param url The order's own: the answer to finalize comes without it.
 */
export function readOrder(answer: Answer, url: URL, urls: UrlPolicy): Order {
  return readJson(answer, "the order", (it) => {
    const common = {
      url,
      names: readNames(it),
      authorizations: texts(it, "authorizations").map((value) => urls(value, answer.url, "authorizations")),
      finalize: urls(text(it, "finalize"), answer.url, "finalize"),
      ...given("expires", optional(it, "expires", instant)),
      ...given("pollAfterMs", retryAfterMs(answer.headers, answer.at)),
    };
    const status = oneOf(it, "status", STATUSES);
    switch (status) {
      case "valid":
        return { ...common, status, certificate: urls(text(it, "certificate"), answer.url, "certificate") };
      case "invalid":
        return { ...common, status, ...given("problem", optional(it, "error", (from) => readProblem(from["error"]))) };
      default:
        return { ...common, status };
    }
  });
}

/**
 * The names of an order. One that has anything else among its identifiers, an address or a name that we would not ask for, was
 * placed by another program with the same account: it has no names for us, so that it is never taken for ours.
 */
function readNames(from: Fields): readonly DnsName[] {
  const identifiers = list(from, "identifiers").map((it) => object(it, "identifiers"));
  const names = identifiers.map((it) => text(it, "type") === "dns" ? tryParse(text(it, "value")) : undefined);
  const known = names.filter((name) => name !== undefined);
  return known.length === names.length ? known : [];
}

function tryParse(value: string): DnsName | undefined {
  try {
    return parseDnsName(value);
  } catch {
    return undefined;
  }
}
