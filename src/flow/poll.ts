import { pollWaits } from "../model/backoff.ts";
import { SidecarError } from "../model/errors.ts";
import type { Order } from "../model/order.ts";
import type { AuthorityAccount, Call, Clock } from "../ports.ts";

/** How long one command or one turn of the keeper looks at an order; after that the order goes on later. */
export const PATIENCE_MS = 10 * 60_000;

/**
 * A longer wait than this is a hint to come back another time, not a reason to stop looking: ZeroSSL says a day and is done
 * in seconds.
 */
const LONGEST_WAIT_MS = 60_000;

/**
 * Looks at the order until `done` says so: after exactly `Retry-After` where the CA gave one, else after
 * {@linkcode pollWaits}. A hint of more than a minute is taken for a minute: some CAs say a day and are done in seconds.
 *
 * @throws {SidecarError} `ORDER_TIMEOUT` after ten minutes.
 */
export async function pollOrder(
  account: AuthorityAccount,
  clock: Clock,
  first: Order,
  done: (order: Order) => boolean,
  call: Call,
): Promise<Order> {
  const waits = pollWaits();
  const end = clock.now().getTime() + PATIENCE_MS;
  let order = first;
  while (!done(order)) {
    const wait = waits.next().value;
    await clock.sleep(Math.min(order.pollAfterMs ?? wait, LONGEST_WAIT_MS), call);
    if (clock.now().getTime() > end) throw tooLong(order);
    order = await account.order(order.url, call);
  }
  return order;
}

function tooLong(order: Order): SidecarError {
  return new SidecarError("ORDER_TIMEOUT", `Challenge verification timeout: the order is still ${order.status}`, {
    field: "challenge_verify",
    todo: "the order is kept; repeat the command to go on with it",
  });
}
