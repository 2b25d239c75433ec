/**
 * The state machines of RFC 8555 §7.1.6, as functions of what happened and the time.
 *
 * @module
 */
import type { Authorization, Order } from "./types.ts";

/** States of an authorization. */
export type AuthorizationStatus = "pending" | "valid" | "invalid" | "deactivated" | "expired" | "revoked";

/** States of an order. */
export type OrderStatus = "pending" | "ready" | "processing" | "valid" | "invalid";

/** One valid challenge makes it valid, one failed makes it invalid; only a valid one expires, a pending one is lost by then. */
export function authorizationStatus({ challenges, expires, ended }: Authorization, now: Date): AuthorizationStatus {
  if (ended !== undefined) return ended;
  const late = now >= expires;
  if (challenges.some(({ state }) => state.status === "valid")) return late ? "expired" : "valid";
  return late || challenges.some(({ state }) => state.status === "invalid") ? "invalid" : "pending";
}

/** Until finalize it follows its authorizations: any that can no longer become valid takes the order with it, as time does. */
export function orderStatus(order: Order, authorizations: readonly Authorization[], now: Date): OrderStatus {
  switch (order.outcome.kind) {
    case "failed":
      return "invalid";
    case "issued":
      return now < order.outcome.at ? "processing" : "valid";
    case "processing":
      return "processing";
    case "open":
      return now >= order.expires ? "invalid" : openStatus(authorizations.map((it) => authorizationStatus(it, now)));
  }
}

function openStatus(statuses: readonly AuthorizationStatus[]): OrderStatus {
  if (statuses.every((status) => status === "valid")) return "ready";
  return statuses.every((status) => status === "valid" || status === "pending") ? "pending" : "invalid";
}
