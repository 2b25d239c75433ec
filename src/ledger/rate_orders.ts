import { type DnsName, nameSet } from "../model/dns_name.ts";
import type { Order } from "../model/order.ts";
import type { RateLimit, Renewal } from "../model/rates.ts";
import { given } from "../model/shape.ts";
import type { Call, Clock } from "../ports.ts";
import type { RateEntries } from "./rate_entries.ts";
import { rateId } from "./records.ts";

/** What limits have to know of orders beside the buckets. */
export interface OrderNotes {
  /** Whether an order for these names renews a certificate that was issued before. */
  renewalOf(names: readonly DnsName[]): Renewal | undefined;
  /** What is known of the order. */
  find(order: Order): { readonly counted: boolean; readonly renewal?: Renewal };
  /** The order renews a certificate. */
  noteRenewal(order: Order, renewal: Renewal, call: Call): Promise<void>;
  /** The certificate of the order was counted, or was not after all. */
  noteCounted(order: Order, counted: boolean, call: Call): Promise<void>;
  /** The CA has taken the order's CSR. */
  noteIssued(order: Order, call: Call): Promise<void>;
  /** Forgets what is over. */
  sweep(call: Call): Promise<void>;
}

/** What {@linkcode orderNotes} work with. */
export interface OrderNotesParts {
  readonly directory: URL;
  readonly clock: Clock;
  readonly limits: readonly RateLimit[];
}

/** How long a certificate makes the next one for the same names a renewal: Boulder looks back as far. */
const RENEWAL_MS = 120 * 86_400_000;

/** An order that does not say when it ends: the longest that public CAs keep one. */
const ORDER_MS = 7 * 86_400_000;

/** Makes {@linkcode OrderNotes}; the entries have to be loaded before each use. */
export function orderNotes(entries: RateEntries, { directory, clock, limits }: OrderNotesParts): OrderNotes {
  const orderId = ({ url }: Order): string => rateId(directory, "order", url.href);
  const issuedId = (names: readonly DnsName[]): string => rateId(directory, "issued", nameSet(names));
  const after = (ms: number): Date => new Date(clock.now().getTime() + ms);
  const asks = limits.some((it) => it.exempt.includes("same names"));

  const find = (order: Order): { readonly counted: boolean; readonly renewal?: Renewal } => {
    const note = entries.get(orderId(order));
    return note?.kind === "order" ? { counted: note.counted, ...given("renewal", note.renewal) } : { counted: false };
  };
  /** The buckets are right without a note that could not be written; at worst the order is counted twice. */
  const put = async (order: Order, counted: boolean, renewal: Renewal | undefined, call: Call): Promise<void> => {
    const until = order.expires ?? after(ORDER_MS);
    const note = { kind: "order", counted, ...given("renewal", renewal), until } as const;
    await entries.put(orderId(order), note, call).catch(() => {});
  };

  return {
    renewalOf(names): Renewal | undefined {
      const note = entries.get(issuedId(names));
      return note?.kind === "issued" && note.until > clock.now() ? "same names" : undefined;
    },
    find,
    async noteRenewal(order, renewal, call): Promise<void> {
      if (limits.length > 0) await put(order, find(order).counted, renewal, call);
    },
    noteCounted: (order, counted, call) => put(order, counted, find(order).renewal, call),
    async noteIssued(order, call): Promise<void> {
      await entries.remove(orderId(order), call).catch(() => {});
      if (!asks) return;
      await entries.put(issuedId(order.names), { kind: "issued", until: after(RENEWAL_MS) }, call).catch(() => {});
    },
    async sweep(call): Promise<void> {
      const now = clock.now();
      await entries.sweep((it) => (it.kind === "issued" || it.kind === "order") && it.until < now, call);
    },
  };
}
