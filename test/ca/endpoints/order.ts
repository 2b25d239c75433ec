import type { Answer } from "../answer.ts";
import { accountOf, checkEmpty, type Signed } from "../envelope.ts";
import type { Parts } from "../parts.ts";
import { Problem, type ProblemDocument } from "../problem.ts";
import type { Order } from "../state/types.ts";

/** An order as it is shown (RFC 8555 §7.1.3). */
export function orderAnswer(parts: Parts, order: Order): Answer {
  const { store, urls } = parts;
  const status = store.orderStatus(order);
  const error = errorOf(parts, order);
  return {
    body: {
      status,
      expires: toRfc3339(order.expires),
      identifiers: listed(parts, order.names.map((value) => ({ type: "dns", value }))),
      authorizations: listed(parts, order.authorizations.map(urls.authorization)),
      finalize: urls.finalize(order.id),
      ...(order.profile === "" ? {} : { profile: order.profile }),
      ...(order.replaces === undefined ? {} : { replaces: order.replaces }),
      ...(error === undefined ? {} : { error }),
      ...(order.outcome.kind === "issued" && status === "valid"
        ? { certificate: urls.certificate(order.outcome.certificate) }
        : {}),
    },
    unfinished: status === "processing" || (status === "pending" && isBeingValidated(parts, order))
      ? "order"
      : undefined,
  };
}

/** POST-as-GET of an order. */
export function order(parts: Parts, signed: Signed, { id }: { readonly id: string }): Answer {
  const found = ownOrder(parts, signed, id);
  checkEmpty(signed);
  return orderAnswer(parts, found);
}

/** The order, if it is the account's. */
export function ownOrder({ store }: Parts, signed: Signed, id: string): Order {
  const found = store.orders.get(id);
  if (found === undefined) throw new Problem("malformed", `No order for ID ${id}`, { status: 404 });
  if (found.account !== accountOf(signed).id) {
    throw new Problem("unauthorized", "Order is not of the account that asks");
  }
  return found;
}

/** RFC 3339 without fractions of a second. */
export function toRfc3339(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}

function errorOf({ store, settings }: Parts, order: Order): ProblemDocument | undefined {
  if (order.outcome.kind === "failed") return order.outcome.error;
  return settings.orderError ? store.failureOf(order) : undefined;
}

/** RFC 8555 §7.1.3 promises no order; a client that counts on one learns it here. */
function listed<T>({ settings, chance }: Parts, items: readonly T[]): readonly T[] {
  return settings.listing === "shuffled" ? chance.listing.shuffled(items) : items;
}

function isBeingValidated({ store }: Parts, order: Order): boolean {
  return store.authorizationsOf(order).flatMap(({ challenges }) => challenges)
    .some(({ state }) => state.status === "processing");
}
