import type { Answer } from "../answer.ts";
import { accountOf, checkEmpty, type Signed } from "../envelope.ts";
import type { Parts } from "../parts.ts";
import { Problem } from "../problem.ts";

/** Orders of an account, page after page, without invalid ones (RFC 8555 §7.1.2.1). */
export function ordersList(
  parts: Parts,
  signed: Signed,
  params: { readonly id: string; readonly cursor: string },
): Answer {
  const { store, urls, settings: { ordersPerPage } } = parts;
  const own = accountOf(signed);
  checkEmpty(signed);
  if (ordersPerPage === 0) throw new Problem("malformed", "No list of orders is kept", { status: 404 });
  if (own.id !== params.id) throw new Problem("unauthorized", "Request signing key did not match account key");
  const from = Number(params.cursor === "" ? "0" : params.cursor);
  if (!Number.isSafeInteger(from) || from < 0) throw new Problem("malformed", `Invalid cursor "${params.cursor}"`);
  const orders = [...store.orders.values()]
    .filter((order) => order.account === own.id && store.orderStatus(order) !== "invalid")
    .map(({ id }) => urls.order(id));
  const next = from + ordersPerPage;
  return {
    body: { orders: orders.slice(from, next) },
    links: next < orders.length ? [["next", urls.orders(own.id, String(next))]] : [],
  };
}
